# look.sh: all that the role wants to know of the gateway, as YAML, asked at once.
set -eu
export LC_ALL=C

is() { if "$@" >/dev/null 2>&1; then echo true; else echo false; fi; }
digest() { sha256sum "$1" 2>/dev/null | cut -d ' ' -f 1; }

echo "nft: $(is test -x /usr/sbin/nft)"
echo "rules: '$(digest /etc/homeprod-entry.nft)'"
echo "unit: '$(digest /etc/systemd/system/homeprod-entry.service)'"
echo "loaded: $(is sh -c 'systemctl -q is-active homeprod-entry.service && systemctl -q is-enabled homeprod-entry.service')"
echo "table: $(is /usr/sbin/nft list table inet homeprod_entry)"

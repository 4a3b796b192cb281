# look.sh PACKAGE...: all that the role wants to know of the machine, as YAML, asked at once.
set -eu
export LC_ALL=C

echo "configuration: '$(sha256sum /etc/nginx/nginx.conf 2>/dev/null | cut -d ' ' -f 1)'"
echo "enabled: $(if systemctl -q is-enabled nginx.service >/dev/null 2>&1; then echo true; else echo false; fi)"
installed=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed \([^:]*\).*/\1/p')
echo missing:
for package; do
    echo "$installed" | grep -qxF -e "$package" || echo "  - '$package'"
done

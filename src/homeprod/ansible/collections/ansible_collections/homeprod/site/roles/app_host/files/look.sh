# look.sh ETC PACKAGE...: all that the role wants to know of the machine, as YAML, asked at once.
set -eu
export LC_ALL=C
etc=$1
shift

is() { if "$@" >/dev/null 2>&1; then echo true; else echo false; fi; }

. /etc/os-release
echo "release: '$ID-$VERSION_ID'"
installed=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed \([^:]*\).*/\1/p')
echo missing:
for package; do
    echo "$installed" | grep -qxF -e "$package" || echo "  - '$package'"
done
# What lies there, names alone.
echo secrets:
if [ -d "$etc/apps" ]; then find "$etc/apps" -mindepth 2 -type f -printf "  - '%p'\n"; fi
echo "runs: $(is systemctl -q is-active homeprod-apps.timer)"
echo "enabled: $(is systemctl -q is-enabled homeprod-apps.timer)"

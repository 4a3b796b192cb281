# look.sh ETC PROGRAMS FOLDER PACKAGE...: all that the role wants to know of the machine, as YAML, asked at once. Each
# task by itself costs a login and a Python of its own, on a machine where mostly nothing is to be done.
set -eu
export LC_ALL=C
etc=$1 programs=$2 folder=$3
shift 3

is() { if "$@" >/dev/null 2>&1; then echo true; else echo false; fi; }

. /etc/os-release
echo "release: '$ID-$VERSION_ID'"
installed=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed \([^:]*\).*/\1/p')
echo missing:
for package; do
    echo "$installed" | grep -qxF -e "$package" || echo "  - '$package'"
done
echo folders:
for place in "$etc" "$etc/apps" "$etc/docker" "$programs/bin" "$folder"; do
    if [ -d "$place" ]; then stat -c "  - '%n %U %a'" "$place"; fi
done
# Nothing secret is among these.
echo files:
for place in "$etc"/apps.json "$etc"/apps.known_hosts "$etc"/apps.policy* "$programs"/homeprod-apps \
    "$programs"/harbormaster.pyz "$programs"/bin/docker /etc/systemd/system/homeprod-apps.*; do
    if [ -f "$place" ]; then echo "  '$place': '$(stat -c '%U %a' "$place") $(sha256sum <"$place" | cut -d ' ' -f 1)'"; fi
done
echo "linked: $(is test "$(readlink /usr/local/bin/homeprod-apps)" = "$programs/homeprod-apps")"
# What lies there, names alone.
echo secrets:
if [ -d "$etc/apps" ]; then find "$etc/apps" -mindepth 2 -type f -printf "  - '%p'\n"; fi
# Not where an image is being made: then the units wait for its first boot.
echo "systemd: $(is test -d /run/systemd/system)"
echo "docker: $(is sh -c 'systemctl -q is-active docker.service && systemctl -q is-enabled docker.service')"
echo "runs: $(is systemctl -q is-active homeprod-apps.timer)"
echo "enabled: $(is systemctl -q is-enabled homeprod-apps.timer)"
# What it says of its apps, which the control node keeps and tells: its own time beside it, since clocks differ. All may
# read that file; it is no secret.
say=$folder/status.json
if [ ! -f "$say" ]; then
    echo "homeprod_apps_status: ''"
elif [ "$(stat -c %s "$say")" -gt 131072 ]; then
    echo "homeprod_apps_status: '$(date +%s) too-large'"
else
    echo "homeprod_apps_status: '$(date +%s) $(base64 -w 0 "$say")'"
fi

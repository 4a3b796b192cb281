# look.sh NAME GROUP PACKAGES PERSON...: all that the role wants to know of the machine, as YAML. Asked at once, because
# each task by itself costs a login and a Python of its own, on a machine where mostly nothing is to be done.
set -eu
export LC_ALL=C
name=$1 group=$2 packages=$3
shift 3

is() { if "$@" >/dev/null 2>&1; then echo true; else echo false; fi; }

# digest FILE OWNER MODE: empty where the file is not there, or somebody else's, or open to others.
digest() {
    if [ "$(stat -c '%U %a' "$1" 2>/dev/null)" = "$2 $3" ]; then sha256sum <"$1" | cut -d ' ' -f 1; fi
}

echo "debian: $(is test -e /etc/debian_version)"
echo "login: '${SUDO_USER-}'"
echo "named: $(is test "$(uname -n) $(cat /etc/hostname)" = "$name $name")"
echo "known: $(is awk -v name="$name" '
    $1 == "127.0.1.1" { lines++; for (i = 2; i <= NF; i++) if ($i == name) found = 1 }
    END { exit lines && !found }' /etc/hosts)"

installed=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' $packages 2>/dev/null |
    sed -n 's/^installed \([^:]*\).*/\1/p')
echo missing:
for package in $packages; do
    echo "$installed" | grep -qxF -e "$package" || echo "  - '$package'"
done

echo "grouped: $(is getent group "$group")"
echo "members: [$(getent group "$group" | cut -d : -f 4)]"
echo accounts:
for person; do
    if getent passwd "$person" >/dev/null; then echo "  - '$person'"; fi
done
echo keys:
for person; do
    home=$(getent passwd "$person" | cut -d : -f 6)
    keys=''
    if [ "$(stat -c '%U %a' "$home/.ssh" 2>/dev/null)" = "$person 700" ]; then
        keys=$(digest "$home/.ssh/authorized_keys" "$person" 600)
    fi
    echo "  '$person': '$keys'"
done

echo files:
echo "  sshd: '$(digest /etc/ssh/sshd_config.d/10-homeprod.conf root 644)'"
echo "  sudo: '$(digest /etc/sudoers.d/90-cloud-init-users root 440)'"
echo "  upgrades: '$(digest /etc/apt/apt.conf.d/60homeprod-upgrades root 644)'"

# Without its port the agent's unit would wait in vain.
echo "agent_port: $(is test -e /dev/virtio-ports/org.qemu.guest_agent.0)"
echo "control_node: $(is test -e /etc/homeprod/control.json)"
echo runs:
for unit in qemu-guest-agent.service systemd-timesyncd.service; do
    if systemctl -q is-active "$unit" && systemctl -q is-enabled "$unit" >/dev/null 2>&1; then echo "  - $unit"; fi
done

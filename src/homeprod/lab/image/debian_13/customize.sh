# Run by mmdebstrap with the tree as $1 when all packages are installed.
set -eu
tree=$1
here=$(dirname "$0")

cp -r "$here/files/." "$tree/"
chmod -R u=rwX,go=rX "$tree/etc/cloud/cloud.cfg.d" "$tree/etc/systemd" "$tree/etc/sysctl.d"

# Nothing of one machine may be in an image for many. An empty machine-id is filled at boot without the
# "first boot" that runs every preset.
rm -f "$tree"/etc/ssh/ssh_host_* "$tree/usr/sbin/policy-rc.d" "$tree/var/lib/dbus/machine-id"
: >"$tree/etc/machine-id"
echo localhost >"$tree/etc/hostname"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$tree/etc/hosts"
ln -sf /run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"

# There is no package archive in a lab: with an empty list `apt-get update` succeeds at once, and a package
# that the image lacks is an error that cloud-init reports.
: >"$tree/etc/apt/sources.list"
rm -f "$tree"/etc/apt/sources.list.d/*

chroot "$tree" systemctl -q enable systemd-networkd.service systemd-resolved.service serial-getty@ttyS0.service
# Each of these costs seconds under emulation: timers that disturb, a console nobody sees, key types nobody
# asked for (cloud-init makes the one it is told to).
chroot "$tree" systemctl -q mask \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer getty@tty1.service sshd-keygen.service cloud-init-hotplugd.socket \
    systemd-pstore.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
    sys-fs-fuse-connections.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    systemd-journal-flush.service

# Caches of what was just installed are new; without this mark the first boot would build them again.
touch "$tree/etc/.updated" "$tree/var/.updated"

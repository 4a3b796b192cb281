# Run by mmdebstrap with the tree as $1 when all packages are installed.
set -eu
tree=$1
here=$(dirname "$0")

cp -r "$here/files/." "$tree/"
chmod -R u=rwX,go=rX "$tree/etc/cloud/cloud.cfg.d" "$tree/etc/systemd" "$tree/etc/sysctl.d" \
    "$tree/etc/ssh/sshd_config.d" "$tree/usr/local/sbin"
chmod 755 "$tree"/usr/local/sbin/*

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
    systemd-journal-flush.service modprobe@drm.service systemd-network-generator.service \
    systemd-udev-load-credentials.service systemd-hibernate-clear.service dev-hugepages.mount \
    kmod-static-nodes.service systemd-networkd-persistent-storage.service

# Here for the roles that want them, which start them; what nobody asked for costs a boot seconds.
chroot "$tree" systemctl -q disable nginx.service unattended-upgrades.service systemd-timesyncd.service \
    docker.service docker.socket containerd.service

# Generators run before everything else, one process each, and these look for what is never there.
mkdir -p "$tree/etc/systemd/system-generators"
for name in ssh gpt-auto hibernate-resume rc-local run system-update sysv tpm2 debug; do
    ln -s /dev/null "$tree/etc/systemd/system-generators/systemd-$name-generator"
done

# The modules that a machine loads at boot, unpacked: xz takes a tenth of a second for each under emulation.
modules=$(echo "$tree"/usr/lib/modules/*)
find "$modules"/kernel/drivers/ata "$modules"/kernel/drivers/block "$modules"/kernel/drivers/cdrom \
    "$modules"/kernel/drivers/net "$modules"/kernel/drivers/scsi "$modules"/kernel/drivers/virtio \
    "$modules"/kernel/drivers/char "$modules"/kernel/drivers/acpi "$modules"/kernel/fs/isofs "$modules"/kernel/net/core \
    "$modules"/kernel/net/netfilter "$modules"/kernel/net/ipv4/netfilter "$modules"/kernel/fs/autofs \
    "$modules"/kernel/fs/overlayfs "$modules"/kernel/net/bridge "$modules"/kernel/net/802 "$modules"/kernel/net/llc \
    -name '*.ko.xz' -size -200k -exec unxz {} +
chroot "$tree" depmod "$(basename "$modules")"

# Caches of what was just installed are new; without this mark the first boot would build them again.
touch "$tree/etc/.updated" "$tree/var/.updated"

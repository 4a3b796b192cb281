# Run by mmdebstrap with the tree as $1 before the packages of packages.txt are configured: what their
# maintainer scripts read.
set -eu
tree=$1

# The kernel has virtio_pci and ext4 built in; the disk's driver is all that an initrd must bring.
mkdir -p "$tree/etc/tiny-initramfs"
cat >"$tree/etc/tiny-initramfs/tiny-initramfs.conf" <<'CONF'
AUTO_MODULES=no
INCLUDE_MODULES="virtio_scsi virtio_blk sd_mod"
MICROCODE=no
CONF

# No service may start while the image is built.
printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"

"""The boot script that mounts a data disk, and formats it only when it provably holds nothing."""

from __future__ import annotations

MOUNT_SCRIPT_PATH = "/usr/local/sbin/homeprod-data-disk"

MOUNT_SCRIPT = """\
#!/bin/sh
# homeprod-data-disk SERIAL PATH: mount the data disk with that serial at PATH.
# It is formatted only when it holds nothing at all: no signature that blkid or wipefs knows, and zeros in its first
# and last MiB. Any other disk without the expected label stops here, untouched.
set -eu
serial=$1 path=$2
device=
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    for link in /dev/disk/by-id/*"_$serial" /dev/disk/by-id/virtio-"$serial"; do
        [ -e "$link" ] && device=$(readlink -f "$link") && break 2
    done
    sleep 1
done
[ -n "$device" ] || { echo "homeprod: no disk with serial $serial" >&2; exit 1; }

is_zero() { [ "$(dd if="$device" bs=1M count=1 "$@" 2>/dev/null | tr -d '\\0' | wc -c)" = 0 ]; }
is_empty() {
    status=0; blkid -p "$device" >/dev/null 2>&1 || status=$?
    [ "$status" = 2 ] || return 1 # blkid(8): 2 is "nothing found"; 0, 4 and 8 are something, or doubt
    [ -z "$(wipefs -n "$device" 2>&1)" ] || return 1
    last=$(( $(blockdev --getsize64 "$device") / 1048576 - 1 ))
    is_zero && is_zero skip="$last"
}

label=$(blkid -p -s LABEL -o value "$device" 2>/dev/null || true)
if [ "$label" != "$serial" ]; then
    is_empty || { echo "homeprod: disk $serial holds something, but no label $serial; left as it is" >&2; exit 1; }
    mkfs.ext4 -q -L "$serial" "$device"
fi
mkdir -p "$path"
grep -q "^LABEL=$serial " /etc/fstab || echo "LABEL=$serial $path ext4 defaults,nofail 0 2" >>/etc/fstab
systemctl daemon-reload
mountpoint -q "$path" || mount "$path"
"""

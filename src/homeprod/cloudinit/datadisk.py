"""The boot script that mounts data disks, and formats one only when it provably holds nothing.

It is a ``bootcmd``: cloud-init runs that at every boot, before packages, users and services, and a failure of it is
an error in cloud-init's own report. So a disk that was not there at the first boot is taken at the next, and a
mount by label is checked against the disk's serial every time.
"""

from __future__ import annotations

ERRORS_FILE = "/run/homeprod/data-disks.errors"
"""A line for each disk that was left alone, and why: cloud-init's report only knows the exit status."""

BOOT_SCRIPT = r"""
# Data disks, as pairs SERIAL PATH: each is found by its drive's serial and mounted at PATH. One is formatted only
# when it holds nothing at all; whatever holds something without the expected label stays as it is.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
by_id=/dev/disk/by-id fstab=/etc/fstab errors=/run/homeprod/data-disks.errors
patience=30 # seconds, for all disks together: udev may be slow
mib=1048576

refuse() {
    echo "homeprod: data disk $serial: $*" >&2
    echo "data disk $serial: $*" | tr '\n' ' ' >>"$errors" && echo >>"$errors"
    return 1
}

# The whole names that udev gives on each of Proxmox's buses: a pattern would take `ssh_keys` for `keys`.
find_link() {
    for link in scsi-0QEMU_QEMU_HARDDISK_ scsi-SQEMU_QEMU_HARDDISK_ virtio- ata-QEMU_HARDDISK_; do
        [ -e "$by_id/$link$serial" ] && device=$(readlink -f "$by_id/$link$serial") && return
    done
    return 1
}
find_device() {
    until find_link; do
        [ "$patience" -gt 0 ] || { refuse "there is no disk with this serial"; return; }
        patience=$((patience - 1))
        sleep 1
    done
}

# cmp also fails where the disk cannot be read or is too short: only what was read and is zero counts as zero.
is_zero() { cmp -s -n "$2" -i "$1:0" "$device" /dev/zero; }
# The first and the last MiB, and ten places between, those of ext4's second and third superblock among them.
is_all_zero() {
    size=$(blockdev --getsize64 "$device") && [ "$size" -gt 0 ] || return
    if [ "$size" -le $((2 * mib)) ]; then is_zero 0 "$size"; return; fi
    is_zero 0 $mib && is_zero $((size - mib)) $mib || return
    for start in $((128 * mib)) $((384 * mib)); do
        [ $((start + mib)) -gt "$size" ] || is_zero "$start" $mib || return
    done
    for eighth in 1 2 3 4 5 6 7; do
        is_zero $(((size - mib) / 8 * eighth)) $mib || return
    done
}

has() { case "$newline$found$newline" in *"$newline$1$newline"*) return 0 ;; esac; return 1; }
newline='
'
# Sets `state`: ours, blank, or what else is there. blkid(8): 0 found one thing, 2 nothing, 8 several that contradict.
judge() {
    status=0
    found=$(blkid -p -o export "$device" 2>&1) || status=$?
    if [ "$status" = 0 ] && has "LABEL=$serial" && has USAGE=filesystem; then state=ours; return; fi
    state="holds something without the label $serial; left as it is"
    case $status in
    0) state="$state ($(echo "$found" | grep -E '^(TYPE|LABEL|PTTYPE)=' | tr '\n' ' '))" ;;
    2)
        signs=$(wipefs -n "$device" 2>&1) || state="cannot be read; left as it is"
        if [ -z "$signs" ] && is_all_zero; then state=blank; fi
        ;;
    *) state="$state (blkid: $status)" ;;
    esac
}

is_listed() { grep -q "^LABEL=${serial}[[:space:]]" "$fstab"; }
list_in_fstab() {
    [ -z "$(tail -c 1 "$fstab")" ] || echo >>"$fstab"
    # nofail: without the disk the machine still boots. The rest puts services after the mount all the same.
    options=defaults,nofail,x-systemd.before=local-fs.target,x-systemd.device-timeout=30s
    echo "LABEL=$serial $path auto $options 0 2" >>"$fstab"
}

take() {
    serial=$1 path=$2
    find_device || return
    source=$(findmnt -n -o SOURCE --mountpoint "$path")
    [ "$source" != "$device" ] || return 0
    [ -z "$source" ] || { refuse "$source is mounted at $path in its place"; return; }
    judge
    case $state in
    ours) ;;
    blank) said=$(mkfs.ext4 -q -E nodiscard -L "$serial" "$device" 2>&1) || { refuse "mkfs.ext4: $said"; return; } ;;
    *) refuse "$state"; return ;;
    esac
    mkdir -p "$path"
    is_listed || list_in_fstab
    said=$(mount "$device" "$path" 2>&1) || refuse "mount: $said"
}

mkdir -p "$(dirname "$errors")"
: >"$errors"
failed=0
while [ $# -ge 2 ]; do
    take "$1" "$2" || failed=1
    shift 2
done
exit $failed
"""

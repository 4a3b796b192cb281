"""Makes the case files beside it, with the real tools. Run by hand, as root, where a case is to be added:

    apt-get install lvm2 cryptsetup-bin xfsprogs btrfs-progs dosfstools
    PYTHONPATH=. python tests/cases/disks/make.py [NAME...]

What a tool writes differs from run to run (UUIDs, salts, times); nothing of it is secret.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.disk_case import SERIAL, DiskCase, read_runs

MIB = 1024 * 1024
REFUSED = {
    # name: size in MiB, what the error must name, shell commands on $disk (a file) or $loop (a loop device)
    "ext4-other-label": (16, "other", 'mkfs.ext4 -q -F -L other "$disk"'),
    "ext4-no-label": (16, "ext4", 'mkfs.ext4 -q -F "$disk"'),
    "ext4-longer-label": (16, "docs2", 'mkfs.ext4 -q -F -L docs2 "$disk"'),
    "xfs": (300, "xfs", 'mkfs.xfs -q "$disk"'),
    "btrfs": (110, "btrfs", 'mkfs.btrfs -q "$disk"'),
    "vfat": (16, "vfat", 'mkfs.vfat "$disk"'),
    "swap": (16, "swap", 'mkswap "$disk"'),
    "swap-own-label": (16, "swap", f'mkswap -L {SERIAL} "$disk"'),
    "lvm": (16, "LVM2_member", 'pvcreate -q "$loop"'),
    "lvm-group": (16, "LVM2_member", 'pvcreate -q "$loop" && vgcreate -q homeprodcase "$loop" && vgchange -an'),
    "luks1": (16, "crypto_LUKS", 'echo case | cryptsetup -q luksFormat --type luks1 --iter-time 1 "$disk" -'),
    "luks2-own-label": (
        32, "crypto_LUKS",
        f'echo case | cryptsetup -q luksFormat --type luks2 --label {SERIAL} --pbkdf pbkdf2 --iter-time 1 "$disk" -',
    ),
    "gpt": (16, "gpt", "printf 'label: gpt\\nsize=4M\\n' | sfdisk -q \"$disk\""),
    "gpt-backup-only": (16, "", ("printf 'label: gpt\\nsize=4M\\n' | sfdisk -q \"$disk\";"
                        ' dd if=/dev/zero of="$disk" bs=1M count=1 conv=notrunc status=none')),
    "mbr": (16, "dos", "printf 'label: dos\\nsize=4M\\n' | sfdisk -q \"$disk\""),
    "ext4-superblock-gone": (16, "", (f'mkfs.ext4 -q -F -L {SERIAL} "$disk";'
                             ' dd if=/dev/zero of="$disk" bs=1k seek=1 count=1 conv=notrunc status=none')),
    "ext4-first-mib-gone": (600, "", (f'mkfs.ext4 -q -F -L {SERIAL} "$disk";'
                            ' dd if=/dev/zero of="$disk" bs=1M count=1 conv=notrunc status=none')),
    "first-bytes": (16, "", 'printf x | dd of="$disk" conv=notrunc status=none'),
    "last-byte": (16, "", 'printf x | dd of="$disk" bs=1 seek=16777215 conv=notrunc status=none'),
    "last-byte-odd-size": (16, "", ('truncate -s 16778752 "$disk";'
                           ' printf x | dd of="$disk" bs=1 seek=16778751 conv=notrunc status=none')),
    "small-middle": (2, "", 'printf x | dd of="$disk" bs=1 seek=1048570 conv=notrunc status=none'),
}  # fmt: skip
OTHERS = {
    "ext4-own-label": (16, "keep", f'mkfs.ext4 -q -F -L {SERIAL} "$disk"'),
    "xfs-own-label": (300, "keep", f'mkfs.xfs -q -L {SERIAL} "$disk"'),
    "blank": (16, "format", ":"),
    "blank-small": (1, "format", ":"),
}
_SCRIPT = (
    'set -u; disk=$1; case $2 in *\\$loop*) loop=$(losetup -f --show "$disk"); trap "losetup -d $loop" EXIT;; esac'
)


def make(name: str, mib: int, decision: str, says: str, commands: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder, "disk")
        disk.touch()
        subprocess.run(["truncate", "-s", str(mib * MIB), str(disk)], check=True)
        subprocess.run(["bash", "-c", f'{_SCRIPT}; eval "$2"', "bash", str(disk), commands], check=True)
        runs = read_runs(disk)
        if name.startswith("luks"):
            # The key slots are random and large; without them it is a LUKS header all the same.
            runs = {offset: run[: 32 * 1024] for offset, run in runs.items() if offset < 32 * 1024}
        DiskCase(name, disk.stat().st_size, decision, says, commands, runs).write()  # type: ignore[arg-type]


if __name__ == "__main__":
    wanted = sys.argv[1:]
    table = {name: (mib, "refuse", says, commands) for name, (mib, says, commands) in REFUSED.items()}
    table |= {name: (mib, decision, "", commands) for name, (mib, decision, commands) in OTHERS.items()}
    for name, (mib, decision, says, commands) in table.items():
        if not wanted or name in wanted:
            make(name, mib, decision, says, commands)

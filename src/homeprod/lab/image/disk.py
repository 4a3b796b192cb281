"""A bootable disk from a tree of files: GPT, GRUB for BIOS, and an ext4 root as the last partition.

No loop device, mount or chroot is used, so this works in a container as well: mke2fs fills the file system from
the tree, and GRUB is put in place as its own grub-bios-setup does it (grub 2.06, util/setup.c): boot.img in the
first sector, told where the core image begins; the core image in the BIOS boot partition, its first sector told
where the rest lies.
"""

from __future__ import annotations

import shutil
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.image.command import run_command

SECTOR = 512
_CORE_START = 34
_ROOT_START = 2048
"""Sectors. The BIOS boot partition fills the gap before the first MiB, the root begins at it."""
_GPT_TAIL = 2048
_GRUB = Path("/usr/lib/grub/i386-pc")
# Offsets from grub 2.06, include/grub/i386/pc/boot.h.
_KERNEL_SECTOR = 0x5C
_DRIVE_CHECK = 0x66
_CODE_END = 0x1B8
_FIRST_BLOCK = SECTOR - 12
_MODULES = ("biosdisk", "part_gpt", "ext2", "normal", "linux", "serial", "terminal", "configfile", "echo", "test")


@dataclass(frozen=True, slots=True)
class DiskLayout:
    """``size`` of the whole disk in bytes, and the root file system's UUID."""

    size: int
    root_uuid: uuid.UUID

    @property
    def root_bytes(self) -> int:
        return self.size - (_ROOT_START + _GPT_TAIL) * SECTOR


def make_disk(tree: Path, disk: Path, layout: DiskLayout) -> None:
    """Write a raw, sparse image of ``tree`` to ``disk``. Raises LabError."""
    with disk.open("wb") as image:
        image.truncate(layout.size)
    _make_root(tree, disk, layout)
    _partition(disk, layout)
    _install_grub(disk)


def _make_root(tree: Path, disk: Path, layout: DiskLayout) -> None:
    # GRUB 2.06 cannot read a file system with metadata_csum_seed. Few inodes (one for 64 KiB) make the tables
    # that a grown root gets small.
    run_command(
        (
            "mke2fs", "-q", "-t", "ext4", "-F", "-d", str(tree), "-L", "root", "-U", str(layout.root_uuid),
            "-O", "^metadata_csum_seed,^orphan_file", "-i", "65536", "-m", "1", "-J", "size=16",
            "-E", f"offset={_ROOT_START * SECTOR},lazy_itable_init=1,nodiscard",
            str(disk), f"{layout.root_bytes // 1024}k",
        )
    )  # fmt: skip


def _partition(disk: Path, layout: DiskLayout) -> None:
    bios_boot = f"start={_CORE_START}, size={_ROOT_START - _CORE_START}, type=21686148-6449-6E6F-744E-656564454649"
    root = f"start={_ROOT_START}, size={layout.root_bytes // SECTOR}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
    script = f"label: gpt\nfirst-lba: {_CORE_START}\n{bios_boot}\n{root}\n"
    run_command(("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(disk)), given=script)


def _install_grub(disk: Path) -> None:
    core_file = disk.with_suffix(".core")
    prefix = "(hd0,gpt2)/boot/grub"
    run_command(("grub-mkimage", "-O", "i386-pc", "-d", str(_GRUB), "-p", prefix, "-o", str(core_file), *_MODULES))
    core = patch_core(core_file.read_bytes(), _CORE_START)
    core_file.unlink()
    with disk.open("r+b") as image:
        present = image.read(SECTOR)
        image.seek(0)
        image.write(patch_boot((_GRUB / "boot.img").read_bytes(), present, _CORE_START))
        image.seek(_CORE_START * SECTOR)
        image.write(core)


def patch_boot(boot: bytes, present: bytes, core_start: int) -> bytes:
    """GRUB's boot.img with the place of the core image, over the partition table that ``present`` holds.

    The jump at ``_DRIVE_CHECK`` is replaced by no-operations as grub-bios-setup does for hard disks.
    """
    code = bytearray(boot[:SECTOR])
    struct.pack_into("<Q", code, _KERNEL_SECTOR, core_start)
    code[_DRIVE_CHECK : _DRIVE_CHECK + 2] = b"\x90\x90"
    code[_CODE_END:] = present[_CODE_END:SECTOR]
    return bytes(code)


def patch_core(core: bytes, start: int) -> bytes:
    """The core image with the place of its second sector; grub-mkimage has set how many there are.

    Raises LabError when it does not fit into the BIOS boot partition.
    """
    padded = bytearray(core.ljust(-(-len(core) // SECTOR) * SECTOR, b"\0"))
    if len(padded) > (_ROOT_START - _CORE_START) * SECTOR:
        raise LabError("the GRUB core image does not fit before the first MiB")
    struct.pack_into("<Q", padded, _FIRST_BLOCK, start + 1)
    return bytes(padded)


def measure_tree(tree: Path) -> int:
    """Bytes that the tree's files take on disk."""
    return sum(path.lstat().st_blocks * SECTOR for path in tree.rglob("*"))


def find_missing_programs() -> list[str]:
    programs = ["mmdebstrap", "mke2fs", "sfdisk", "grub-mkimage", "qemu-img", "unxz"]
    missing = [program for program in programs if shutil.which(program) is None]
    return missing if (_GRUB / "boot.img").exists() else [*missing, "grub-pc-bin"]

"""The data-disk script decides by what the disk really holds. Run here on files, with the real blkid and wipefs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from homeprod.cloudinit.datadisk import MOUNT_SCRIPT

MIB = 1024 * 1024


def _decide(disk: Path) -> str:
    """Run the script up to its decision: the part that finds devices and mounts is for a booted machine."""
    start, end = MOUNT_SCRIPT.index("is_zero()"), MOUNT_SCRIPT.index("mkdir -p")
    script = MOUNT_SCRIPT[start:end].replace('$(blockdev --getsize64 "$device")', '$(stat -c %s "$device")')
    script = script.replace("mkfs.ext4 -q -L", "echo FORMAT")
    result = subprocess.run(
        ["sh", "-euc", f'device=$1 serial=docs\n{script}', "sh", str(disk)],
        capture_output=True, text=True, check=False, timeout=20,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    return "refuse" if result.returncode else "format" if "FORMAT" in result.stdout else "keep"


def _disk(folder: Path) -> Path:
    disk = folder / "disk"
    with disk.open("wb") as file:
        file.truncate(16 * MIB)
    return disk


def _write(disk: Path, offset: int, data: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_an_empty_disk_is_formatted(tmp_path: Path) -> None:
    assert _decide(_disk(tmp_path)) == "format"


@pytest.mark.parametrize(("label", "decision"), [("docs", "keep"), ("other", "refuse"), ("", "refuse")])
def test_a_file_system_is_kept_or_refused_by_its_label(tmp_path: Path, label: str, decision: str) -> None:
    disk = _disk(tmp_path)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", "-L", label, str(disk)], check=True, timeout=20)
    assert _decide(disk) == decision


@pytest.mark.parametrize(
    ("offset", "data"),
    [
        (512, b"LABELONE" + b"\0" * 16 + b"LVM2 001"),
        (0, b"LUKS\xba\xbe\x00\x02"),
        (510, b"\x55\xaa"),
        (0, b"anything"),
        (16 * MIB - 8, b"anything"),
    ],
    ids=["lvm", "luks", "partition-table", "first-mib", "last-mib"],
)
def test_nothing_that_holds_anything_is_formatted(tmp_path: Path, offset: int, data: bytes) -> None:
    disk = _disk(tmp_path)
    _write(disk, offset, data)
    assert _decide(disk) == "refuse"

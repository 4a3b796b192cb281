"""The manifest of a file system in an image, read without mounting it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tests.manifest import Entry, digest_disk, read_file_system

MIB = 1024 * 1024


def test_a_file_system_is_read_from_raw_and_qcow2_alike(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep folder").mkdir(parents=True)
    (tree / "deep folder" / "a").write_bytes(b"hello")
    (tree / "deep folder" / "a").chmod(0o640)
    (tree / "link").symlink_to("deep folder/a")
    raw, qcow2 = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
    argv = ["/sbin/mkfs.ext4", "-q", "-L", "docs", "-E", "root_owner=7:8", "-d", str(tree), str(raw), "4M"]
    subprocess.run(argv, check=True, timeout=60)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(qcow2)], check=True, timeout=60)

    read = read_file_system(raw)
    assert (read.label, read.is_clean) == ("docs", True)
    entries = {entry.path: entry for entry in read.entries}
    owner = (tree / "deep folder" / "a").stat()
    assert entries["/deep folder/a"] == Entry(
        "/deep folder/a", 0o100640, owner.st_uid, owner.st_gid, 5, hashlib.sha256(b"hello").hexdigest()
    )
    assert entries["/link"].mode & 0o170000 == 0o120000
    assert "/lost+found" in entries
    assert read_file_system(qcow2) == read
    assert digest_disk(qcow2) == digest_disk(raw) == hashlib.sha256(raw.read_bytes()).hexdigest()

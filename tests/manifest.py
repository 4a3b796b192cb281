"""What an ext4 file system in a detached disk image holds, read by e2fsprogs: nothing is mounted, nothing written."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT_INODE = 2
_IS_FOLDER = 0o040000
_IS_FILE = 0o100000


@dataclass(frozen=True)
class Entry:
    """``mode`` with the kind of file, as stat(2) gives it; ``sha256`` empty for what is no regular file."""

    path: str
    mode: int
    owner: int
    group: int
    size: int
    sha256: str = ""


@dataclass(frozen=True)
class FileSystem:
    """``is_clean``: it was unmounted, so its journal holds nothing that is not on the disk."""

    uuid: str
    label: str
    is_clean: bool
    entries: tuple[Entry, ...]


def read_file_system(image: Path) -> FileSystem:
    """The file system that fills a raw or qcow2 image."""
    with _as_raw(image) as raw:
        fields = dict(re.findall(r"^([^:\n]+): +(.*)$", _run("dumpe2fs", "-h", str(raw)), re.MULTILINE))
        entries = tuple(sorted(_walk(raw, _ROOT_INODE, ""), key=lambda entry: entry.path))
        is_clean = fields["Filesystem state"] == "clean" and "needs_recovery" not in fields["Filesystem features"]
        return FileSystem(fields["Filesystem UUID"], fields["Filesystem volume name"], is_clean, entries)


def digest_disk(image: Path) -> str:
    """SHA-256 of all that a guest would read from the image, first to last byte."""
    with _as_raw(image) as raw, raw.open("rb") as disk:
        return hashlib.file_digest(disk, "sha256").hexdigest()


@contextmanager
def _as_raw(image: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=image.parent) as folder:
        raw = Path(folder) / "raw"
        with image.open("rb") as file:
            kind = "qcow2" if file.read(4) == b"QFI\xfb" else "raw"  # QEMU's own guess would open LUKS as LUKS
        _run("qemu-img", "convert", "-f", kind, "-O", "raw", str(image), str(raw))
        yield raw


def _walk(raw: Path, inode: int, path: str) -> Iterator[Entry]:
    """``ls -p`` gives ``/inode/mode/uid/gid/name/size/``, mode in octal; a folder's size is empty (debugfs(8))."""
    for line in _run("debugfs", "-R", f"ls -p <{inode}>", str(raw)).splitlines():
        if not line.startswith("/"):
            continue
        _, number, mode_text, owner, group, name, size, *_ = line.split("/")
        if name in (".", "..") or number == "0":
            continue
        mode, here = int(mode_text, 8), f"{path}/{name}"
        digest = _digest(raw, int(number)) if mode & 0o170000 == _IS_FILE else ""
        yield Entry(here, mode, int(owner), int(group), int(size or 0), digest)
        if mode & 0o170000 == _IS_FOLDER:
            yield from _walk(raw, int(number), here)


def _digest(raw: Path, inode: int) -> str:
    argv = ["/usr/sbin/debugfs", "-R", f"cat <{inode}>", str(raw)]
    content = subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout
    return hashlib.sha256(content).hexdigest()


def _run(program: str, *arguments: str) -> str:
    argv = [program, *arguments]
    done = subprocess.run(
        argv, capture_output=True, text=True, check=True, timeout=120, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    )
    return done.stdout

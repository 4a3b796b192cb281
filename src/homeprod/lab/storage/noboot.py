"""Volumes of a lab that boots nothing: sparse raw files, cheap enough for thousands of machines.

The files are raw whatever Proxmox's name for them says, so that their sha256 is that of the disk's content.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from homeprod.lab.storage.qcow2 import ImageError, is_for_qemu, is_qcow2, read_clusters, read_virtual_size

_BLOCK = 64 * 1024


class NoBootVolumes:
    """A VolumeStore (``lab/ports.py``) below ``root``, a folder for each storage."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, volume: str) -> Path:
        storage, _, name = volume.partition(":")
        return self._root / storage / name

    def format(self, volume: str) -> str:  # noqa: ARG002 (the seam's signature)
        return "raw"

    async def create(self, volume: str, size: int) -> None:
        file = self.path(volume)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as image:
            image.truncate(size)

    async def import_from(self, volume: str, source: Path) -> int:
        """Raises ImageError for an image that cannot be read."""
        file = self.path(volume)
        file.parent.mkdir(parents=True, exist_ok=True)
        return await asyncio.to_thread(_copy, source, file)

    async def grow(self, volume: str, size: int) -> None:
        os.truncate(self.path(volume), size)

    async def size(self, volume: str) -> int:
        return self.path(volume).stat().st_size

    async def delete(self, volume: str) -> None:
        self.path(volume).unlink(missing_ok=True)


def _copy(source: Path, file: Path) -> int:
    """Write the disk inside ``source`` raw, leaving holes where it is zero; its size."""
    is_packed = is_qcow2(source)
    if _is_vmdk(source) or (is_packed and is_for_qemu(source)):
        return _convert(source, file)
    size = read_virtual_size(source) if is_packed else source.stat().st_size
    with file.open("wb") as image:
        for offset, block in read_clusters(source) if is_packed else _read_blocks(source):
            if block.count(0) != len(block):
                image.seek(offset)
                image.write(block)
        image.truncate(size)
    return size


def _is_vmdk(source: Path) -> bool:
    with source.open("rb") as image:
        return image.read(4) == b"KDMV"


def _convert(source: Path, file: Path) -> int:
    """For formats that are not worth a reader of our own."""
    kind = "qcow2" if is_qcow2(source) else "vmdk"
    argv = ("qemu-img", "convert", "-f", kind, "-O", "raw", str(source), str(file))
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ImageError("to read such an image install qemu-img (Debian's qemu-utils)") from error
    if done.returncode:
        raise ImageError(done.stderr.strip())
    return file.stat().st_size


def _read_blocks(file: Path) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as image:
        offset = 0
        while block := image.read(_BLOCK):
            yield offset, block
            offset += len(block)

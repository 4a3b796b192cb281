"""Volumes of a lab that boots nothing: sparse raw files, cheap enough for thousands of machines.

The files are raw whatever Proxmox's name for them says, so that their sha256 is that of the disk's content.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from homeprod.lab.storage.qcow2 import is_qcow2, read_clusters, read_virtual_size

_BLOCK = 1024 * 1024


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
        """Raises ImageError for a qcow2 file that cannot be read."""
        size = read_virtual_size(source) if is_qcow2(source) else source.stat().st_size
        file = self.path(volume)
        file.parent.mkdir(parents=True, exist_ok=True)
        blocks = read_clusters(source) if is_qcow2(source) else _read_blocks(source)
        with file.open("wb") as image:
            for offset, block in blocks:
                if block.count(0) != len(block):
                    image.seek(offset)
                    image.write(block)
            image.truncate(size)
        return size

    async def grow(self, volume: str, size: int) -> None:
        os.truncate(self.path(volume), size)

    async def size(self, volume: str) -> int:
        return self.path(volume).stat().st_size

    async def delete(self, volume: str) -> None:
        self.path(volume).unlink(missing_ok=True)


def _read_blocks(file: Path) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as image:
        offset = 0
        while block := image.read(_BLOCK):
            yield offset, block
            offset += len(block)

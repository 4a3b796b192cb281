"""Volumes of a lab that boots machines: qcow2 files, whatever format Proxmox's name for them says."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from pathlib import Path

from homeprod.core.errors import LabError

_MAGIC = b"QFI\xfb"
_BASES = ".bases"


class QcowVolumes:
    """A VolumeStore (``lab/ports.py``) below ``root``, a folder for each storage.

    A disk imported from an image is an overlay on that image, so it is there at once and takes no space of its
    own. The image is linked into ``.bases`` first: overlays go on when it is deleted or replaced. Every writer
    of images in the lab replaces files and never writes into one, which is what makes a link enough.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, volume: str) -> Path:
        storage, _, name = volume.partition(":")
        return self._root / storage / name

    def format(self, volume: str) -> str:
        return _read_format(self.path(volume))

    async def create(self, volume: str, size: int) -> None:
        """An empty disk of ``size`` bytes that takes space as it is written. Raises LabError."""
        await _run("create", "-q", "-f", "qcow2", str(self._make_room(volume)), str(size))

    async def import_from(self, volume: str, source: Path) -> int:
        """Raises LabError. A source that is a machine's disk is copied, for it goes on changing."""
        target = self._make_room(volume)
        kind = await _probe_format(source)
        if self._is_disk(source):
            await _run("convert", "-W", "-U", "-f", kind, "-O", "qcow2", str(source), str(target))
        else:
            base = await asyncio.to_thread(self._keep_base, source)
            await _run("create", "-q", "-f", "qcow2", "-b", str(base), "-F", kind, str(target))
        return await _read_size(target)

    async def grow(self, volume: str, size: int) -> None:
        await _run("resize", "-q", "-f", self.format(volume), str(self.path(volume)), str(size))

    async def size(self, volume: str) -> int:
        path = self.path(volume)
        return await _read_size(path) if _read_format(path) == "qcow2" else path.stat().st_size

    async def delete(self, volume: str) -> None:
        self.path(volume).unlink(missing_ok=True)

    def _make_room(self, volume: str) -> Path:
        file = self.path(volume)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _is_disk(self, source: Path) -> bool:
        """Whether ``source`` is one of this store's own disks rather than an image."""
        return source.is_relative_to(self._root) and source.parent.name != "import"

    def _keep_base(self, source: Path) -> Path:
        """The image under a name of its own that nothing deletes: a link, or across file systems a copy."""
        status = source.stat()
        identity = f"{status.st_dev} {status.st_ino} {status.st_mtime_ns} {status.st_size}"
        bases = (self._root / _BASES).absolute()
        bases.mkdir(parents=True, exist_ok=True)
        base = bases / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.img"
        if not base.exists():
            temporary = base.with_suffix(f".{os.getpid()}.tmp")
            temporary.unlink(missing_ok=True)
            try:
                os.link(source.resolve(), temporary)
            except OSError:
                shutil.copyfile(source, temporary)
            os.replace(temporary, base)  # noqa: PTH105 (atomic by intent, and named so)
        return base


def _read_format(path: Path) -> str:
    """A file that this store made is always qcow2, so a guest cannot make a raw disk look like one; ISOs and
    what a ``--no-boot`` lab left are raw."""
    with path.open("rb") as file:
        return "qcow2" if file.read(4) == _MAGIC else "raw"


async def _probe_format(source: Path) -> str:
    """The format by QEMU's own probing: for images that a person chose, never for what a guest wrote."""
    found = json.loads(await _run("info", "-U", "--output=json", str(source)))
    # Any of these would have it read a file of this machine that the image names.
    details = found.get("format-specific", {}).get("data", {})
    others = {extent["filename"] for extent in details.get("extents", ())} - {str(source)}
    if "backing-filename" in found or "data-file" in details or others:
        raise LabError("an image that needs another file cannot be imported", where=str(source))
    return str(found["format"])


async def _read_size(path: Path) -> int:
    """The virtual size that a qcow2 header holds: big-endian at byte 24 (QEMU's docs/interop/qcow2.txt)."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(32)[24:32], "big")


async def _run(*arguments: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            "qemu-img", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise LabError("qemu-img is not installed", hint="run make setup, which installs qemu-utils") from error
    output, errors = await process.communicate()
    if process.returncode:
        raise LabError(errors.decode(errors="replace").strip() or f"qemu-img {arguments[0]} failed")
    return output.decode()

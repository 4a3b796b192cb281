"""The few file operations that the keyring is written with, one by one, so that a test can fail each of them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from homeprod.core.errors import ControlError

_STEPS = {
    errno.ENOSPC: "make room, then repeat it",
    errno.EDQUOT: "make room, then repeat it",
    errno.ENOENT: "look whether the folder is there, and the data disk mounted, then repeat it",
    errno.EROFS: "the disk can only be read: look into the kernel's log why, and mount it again",
    errno.EACCES: "the keyring is the keyholder's, which runs as root; ask it, by `homeprod control`",
    errno.EPERM: "the keyring is the keyholder's, which runs as root; ask it, by `homeprod control`",
}
"""What a person can do, by what the system says."""


class Disk:
    """The real one. Every method raises OSError."""

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)

    def create(self, file: Path) -> int:
        """A new file, for its owner alone; one that is there already, a link too, is refused."""
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def open_folder(self, folder: Path) -> int:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def write(self, handle: int, data: bytes) -> int:
        """How much of it was written."""
        return os.write(handle, data)

    def sync(self, handle: int) -> None:
        os.fsync(handle)

    def close(self, handle: int) -> None:
        os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def remove(self, file: Path) -> None:
        file.unlink()

    def remove_folder(self, folder: Path) -> None:
        folder.rmdir()


def write_file(disk: Disk, file: Path, data: bytes) -> None:
    """A new file that is on the disk when this returns, but for its name in the folder."""
    handle = disk.create(file)
    try:
        while data:
            data = data[disk.write(handle, data) :]
        disk.sync(handle)
    finally:
        disk.close(handle)


def sync_folder(disk: Disk, folder: Path) -> None:
    """Names made, renamed and removed in it are on the disk when this returns."""
    handle = disk.open_folder(folder)
    try:
        disk.sync(handle)
    finally:
        disk.close(handle)


def remove_tree(disk: Disk, folder: Path) -> None:
    """A folder and what is in it; links are removed, never followed."""
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if entry.is_dir(follow_symlinks=False):
            remove_tree(disk, Path(entry.path))
        else:
            disk.remove(Path(entry.path))
    disk.remove_folder(folder)


@contextlib.contextmanager
def explain_refusal(deed: str, where: str, outcome: str = "nothing was changed") -> Iterator[None]:
    """OSError as a ControlError: what the disk did not do, what is so all the same, and what to do about it."""
    try:
        yield
    except OSError as error:
        step = _STEPS.get(error.errno or 0, "look at the disk and its file system, then repeat it")
        message = f"cannot {deed} the keyring: {error.strerror or error}"
        raise ControlError(message, where=where, hint=f"{outcome}; {step}") from error

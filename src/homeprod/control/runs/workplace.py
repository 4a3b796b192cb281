"""Where a run keeps its files: memory, private, for one run of a host at a time, empty at its start and gone at its
end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from homeprod.core.errors import ControlError

_PATIENCE = 30.0
"""Seconds for an earlier run of the host to be gone: its daemon was killed, and it is being killed for it."""


def find_room() -> Path:
    """The folder of this user's runs, on a tmpfs: what systemd made for it, or one below /dev/shm that tmpfiles.d
    made at the start, or we do. Raises ControlError where somebody else has it."""
    if given := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(given)
    user = pwd.getpwuid(os.getuid()).pw_name
    room = Path(f"/dev/shm/homeprod-run-{user}")  # noqa: S108 (private: made 0700, and its owner is looked at)
    with contextlib.suppress(FileExistsError):
        room.mkdir(mode=0o700)
    facts = room.lstat()
    if facts.st_uid != os.getuid() or facts.st_mode & 0o077 or room.is_symlink():
        hint = f"it must belong to the user of the runs alone; look whose it is\n    ls -ld {room}"
        raise ControlError("the folder of the runs belongs to somebody else", where=str(room), hint=hint)
    return room


@contextlib.contextmanager
def take_workplace(host: str, room: Path) -> Iterator[Path]:
    """The host's own folder. Waits for an earlier run of the same host to end; raises ControlError where it does not.

    The lock is held by this process alone and ends with it, so two runs never meet on one host, even where the
    second was started by another daemon while the first was still being killed.
    """
    lock = _open_lock(room, host)
    try:
        _lock(lock, host)
        folder = room / host
        shutil.rmtree(folder, ignore_errors=True)  # left over by a run that was killed
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def clear_leftovers(room: Path) -> None:
    """What runs left whose worker was killed, before it could: what they had in the clear does not wait for the next
    run of that host, which may never come. A run that goes on holds its lock."""
    for folder in [entry for entry in room.iterdir() if entry.is_dir() and not entry.is_symlink()]:
        lock = _open_lock(room, folder.name)
        try:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _open_lock(room: Path, host: str) -> int:
    return os.open(room / f"{host}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _lock(handle: int, host: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                hint = "it is tried again by itself; see what still runs\n    homeprod runs"
                raise ControlError("an earlier run of the host does not end", where=host, hint=hint) from None
        time.sleep(0.02)


if __name__ == "__main__":  # as a unit of systemd says, after a worker that was killed
    clear_leftovers(find_room())

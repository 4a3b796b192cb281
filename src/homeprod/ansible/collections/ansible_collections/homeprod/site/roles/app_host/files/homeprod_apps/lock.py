"""One run at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .problem import Problem
from .process import keep_open


class BusyError(Problem):
    """Another run is under way."""


@contextmanager
def hold(file: Path) -> Iterator[None]:
    """Raises BusyError. The kernel drops the lock with the last process that has it, so it is never stale."""
    with file.open("a") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another run is under way; this one does nothing") from None
        keep_open(lock.fileno())
        yield

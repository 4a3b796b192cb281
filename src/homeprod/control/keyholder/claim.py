"""Claim: that one keyholder runs, and systemd's being told that it does."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeprod.core.errors import ControlError


@contextmanager
def claim(file: Path) -> Iterator[None]:
    """Raises ControlError where another keyholder has it. The kernel lets go of it with the process."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "it is the one that answers:\n\n  homeprod control status"
        raise ControlError("another keyholder runs already", where=str(file), hint=hint) from None
    try:
        yield
    finally:
        os.close(descriptor)

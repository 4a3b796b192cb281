"""Ctrl-C, and a service manager's SIGTERM, while something is being done: first gently, then at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def end_as_interrupted() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, so that what is held is given back. Inside of it
    ``stop_gently`` is gentler for as long as it lasts. Only for the main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in _SIGNALS if number != signal.SIGINT}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_gently(is_stopping: threading.Event) -> Iterator[None]:
    """The first signal sets the event and nothing else: an exception could come between any two lines and leave the
    work's books half-written. The second raises KeyboardInterrupt. Only for the main thread, as signals are."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        if is_stopping.is_set():
            raise KeyboardInterrupt
        is_stopping.set()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

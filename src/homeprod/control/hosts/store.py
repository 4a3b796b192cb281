"""The ledger's file: opened by one daemon alone, written by one thread, read by another; whoever listens hears of it.

A lock on the file beside it takes the place of leases that a jumping clock could end.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from homeprod.control.hosts import schema
from homeprod.control.hosts.clock import SteadyClock
from homeprod.control.hosts.errors import StorageError
from homeprod.control.hosts.writer import Writer
from homeprod.core.errors import ControlError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Notice:
    """``run`` is 0 where hosts may be due; else something of that run is new, or somebody wants its end."""

    run: int = 0
    is_cancel: bool = False


class Store:
    def __init__(self, file: Path) -> None:
        self._file = file
        self.clock = SteadyClock()
        self._listeners: list[Callable[[Notice], None]] = []

    async def open(self) -> None:
        """Raises ControlError where another daemon has it open or a later homeprod wrote it, StorageError where it
        cannot be written."""
        with ExitStack() as undone:
            self._lock = _lock(self._file)
            undone.callback(os.close, self._lock)
            schema.refuse_newer(self._file)
            connection = schema.connect(self._file)
            undone.callback(connection.close)
            schema.migrate(connection, str(self._file))
            self._connections = [connection, schema.connect(self._file)]
            undone.pop_all()
        self._writer = Writer(connection, str(self._file))
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="ledger-read")

    async def close(self) -> None:
        """After every write that was asked for."""
        await self._writer.close()
        self._reader.shutdown()
        for connection in reversed(self._connections):
            connection.close()
        os.close(self._lock)

    def listen(self, listener: Callable[[Notice], None]) -> Callable[[], None]:
        """Have ``listener`` called in the event loop after what it may want to know; what is given ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def write(self, do: Callable[[sqlite3.Connection], T], notice: Notice | None = None) -> T:
        """What ``do`` gives, once it is durable; ``notice`` is told then. Raises what ``do`` raises, StorageError."""
        done = await self._writer.write(do)
        if notice is not None:
            self.tell(notice)
        return done

    async def read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Raises StorageError where the file cannot be read."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, ask, self._connections[1])
        except sqlite3.Error as error:
            raise StorageError(str(error), str(self._file)) from error

    def tell(self, notice: Notice) -> None:
        """Whoever listens."""
        for listener in tuple(self._listeners):
            listener(notice)


def _lock(file: Path) -> int:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(error.strerror or str(error), str(file)) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        hint = "one daemon alone may have it open; end the other one first\n    systemctl stop homeprod-control"
        raise ControlError("another daemon has the ledger open", where=str(file), hint=hint) from None
    return handle

"""The one thread that writes, and the one commit that many writers share.

Whoever asks gets its answer after the commit, never before. One fsync carries up to 256 answers: under load they are
gathered by themselves, as they queue up behind the commit before.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from homeprod.control.hosts.errors import StorageError

T = TypeVar("T")
MOST_AT_ONCE = 256
Write = Callable[[sqlite3.Connection], object]


@dataclass(slots=True)
class _Wish:
    write: Write
    future: asyncio.Future[object]
    answer: object = None
    error: BaseException | None = None


class Writer:
    """Writes of one event loop, in the order in which they were asked for."""

    def __init__(self, connection: sqlite3.Connection, where: str) -> None:
        self._connection = connection
        self._where = where
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    async def write(self, do: Callable[[sqlite3.Connection], T]) -> T:
        """What ``do`` gives, once it is durable. What ``do`` raises is raised, and nothing of it kept. Raises
        StorageError where it cannot be kept."""
        wish = _Wish(do, self._loop.create_future())
        self._wishes.put(wish)
        return await wish.future  # type: ignore[return-value]

    async def close(self) -> None:
        """After everything that was asked for."""
        self._wishes.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _work(self) -> None:
        is_open = True
        while is_open:
            batch, is_open = self._gather()
            if batch:
                self._commit(batch)
                self._loop.call_soon_threadsafe(_settle, batch)

    def _gather(self) -> tuple[list[_Wish], bool]:
        batch: list[_Wish] = []
        wish = self._wishes.get()
        while wish is not None:
            batch.append(wish)
            if len(batch) == MOST_AT_ONCE:
                return batch, True
            try:
                wish = self._wishes.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[_Wish]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for wish in batch:
                self._fulfil(wish)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._give_up(batch, error)

    def _fulfil(self, wish: _Wish) -> None:
        self._connection.execute("SAVEPOINT wish")
        try:
            wish.answer = wish.write(self._connection)
        except (sqlite3.OperationalError, OSError):
            raise  # the disk, not the wish: all of the batch is lost
        except BaseException as error:  # noqa: BLE001 (it belongs to whoever asked; the others' writes go on)
            wish.error = error
            self._connection.execute("ROLLBACK TO wish")
        self._connection.execute("RELEASE wish")

    def _give_up(self, batch: list[_Wish], error: Exception) -> None:
        for wish in batch:
            wish.error = StorageError(str(error), self._where)
        # A disk that fails may fail here too; the next batch cannot begin then, and comes here again.
        with contextlib.suppress(sqlite3.Error, OSError):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _settle(batch: list[_Wish]) -> None:
    for wish in batch:
        if wish.future.done():
            continue  # whoever asked has gone
        if wish.error is not None:
            wish.future.set_exception(wish.error)
        else:
            wish.future.set_result(wish.answer)

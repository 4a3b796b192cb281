"""A disk that is full at every write in turn: each is an error to whoever asked, and nothing of it is kept."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.control.hosts.test_ledger import RING, again, keep

from homeprod.control.hosts import schema
from homeprod.control.hosts.errors import StorageError
from homeprod.control.hosts.host import HostState, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Outcome

ERRORS = (sqlite3.OperationalError("database or disk is full"), OSError(28, "No space left on device"))


class FailingConnection:
    """Fails at one call, counted from when it was told to; every other one is the real connection's."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self._real = real
        self.calls = 0
        self.fails_at = 0
        self.and_at = 0
        self.error: Exception = ERRORS[0]

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return self._real.execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return self._real.executemany(*arguments)

    def _count(self) -> None:
        self.calls += 1
        if self.calls in (self.fails_at, self.and_at):
            raise self.error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


async def insist(do: Callable[[], Awaitable[Any]], refused: list[StorageError]) -> Any:
    """As a client repeats what was refused."""
    while True:
        try:
            return await do()
        except StorageError as error:
            refused.append(error)


async def live(ledger: Ledger, refused: list[StorageError]) -> None:
    """A host's whole life: rung for, configured, rung for meanwhile, failed, retried."""
    first = await insist(lambda: ledger.ring(RING), refused)
    turn = await insist(lambda: ledger.claim("me"), refused)
    await insist(lambda: ledger.begin(turn.run, "r1"), refused)
    await insist(lambda: ledger.add_events(turn.run, ["{}", "{}"]), refused)
    second = await insist(lambda: ledger.ring(again(2, instance="i2")), refused)
    assert second.run_id != first.run_id
    await insist(lambda: ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 200), refused)
    turn = await insist(lambda: ledger.claim("me"), refused)
    await insist(lambda: ledger.begin(turn.run, "r2"), refused)
    await insist(lambda: ledger.end(turn.run, Outcome(RunStatus.FAILED, "no"), 200), refused)
    await insist(lambda: ledger.retry("lab-proxy", "sean"), refused)
    turn = await insist(lambda: ledger.claim("me"), refused)
    await insist(lambda: ledger.put_back(turn.run, 0, "waiting"), refused)
    turn = await insist(lambda: ledger.claim("me"), refused)
    await insist(lambda: ledger.begin(turn.run, "r2"), refused)
    await insist(lambda: ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 200), refused)


async def check(ledger: Ledger) -> None:
    runs = await ledger.runs()
    assert [(run.id, run.status) for run in runs] == [
        (3, RunStatus.SUCCESSFUL),
        (2, RunStatus.FAILED),
        (1, RunStatus.SUCCESSFUL),
    ]
    assert len(await ledger.events(1)) == 2
    host = await ledger.host("lab-proxy")
    assert (host.state, host.applied_revision, host.applied_instance) == (HostState.IDLE, "r2", "i2")
    assert (await ledger.ring(RING)).run_id == 1
    assert await ledger.claim("me") is None


@pytest.mark.parametrize(("error", "step"), [(ERRORS[0], 1), (ERRORS[1], 6)], ids=["sqlite", "system"])
def test_a_disk_that_is_full_at_any_write_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, error: Exception, step: int
) -> None:
    opened: list[FailingConnection] = []
    connect = schema.connect

    def open_failing(file: Path) -> FailingConnection:
        opened.append(FailingConnection(connect(file)))
        return opened[-1]

    monkeypatch.setattr(schema, "connect", open_failing)
    fails_at = 1
    while live_with_a_failure(opened, fails_at, error):
        fails_at += step
    assert fails_at > 100, "every statement of the story failed once"


def live_with_a_failure(opened: list[FailingConnection], fails_at: int, error: Exception) -> bool:
    """Whether the story has so many statements that the failure came to it."""
    refused: list[StorageError] = []

    async def story(ledger: Ledger) -> None:
        writing = opened[-2]
        writing.calls, writing.fails_at, writing.error = 0, fails_at, error
        await live(ledger, refused)
        writing.fails_at = 0
        await check(ledger)

    # In memory: a hundred databases, each with its syncs, would take the disk a minute.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        keep(Path(folder), story)
    assert len(refused) <= 1
    return len(refused) == 1


def test_a_disk_that_fails_even_while_it_is_rolled_back_stops_no_later_write(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        failing = FailingConnection(ledger._writer._connection)
        ledger._writer._connection = failing  # type: ignore[assignment]
        refused: list[StorageError] = []
        for fails in ((2, 3), (3, 4)):  # the savepoint, or the write itself; and then the rollback
            failing.calls, failing.fails_at, failing.and_at = 0, *fails
            async with asyncio.timeout(20):
                await insist(lambda number=fails[0]: ledger.ring(again(number)), refused)
        assert len(refused) >= 2
        assert len(await ledger.runs()) == 1

    keep(tmp_path, story)


def test_a_ledger_that_may_not_grow_says_so_and_goes_on_when_it_may(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        connection = ledger._connections[0]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        answers = await asyncio.gather(
            *(ledger.ring(again(number)) for number in range(2, 2000)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, StorageError)]
        assert refused
        assert "database or disk is full" in str(refused[0])
        connection.execute("PRAGMA max_page_count = 1000000")
        kept = connection.execute("SELECT count(*) FROM rings").fetchone()[0]
        assert kept == 1 + len(answers) - len(refused), "what was refused is not kept, and what was not is"
        repeated = await asyncio.gather(*(ledger.ring(again(number)) for number in range(2, 2000)))
        assert len(repeated) == len(answers)

    keep(tmp_path, story)

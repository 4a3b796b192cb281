"""Checks: the part of the ledger that knows which hosts are asked when, what was found there, and what is renewed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping

from homeprod.control.hosts import checkturn, retention
from homeprod.control.hosts.condition import Condition, Finding
from homeprod.control.hosts.host import Accepted, Host, Run, RunKind
from homeprod.control.hosts.store import Notice, Store
from homeprod.control.hosts.turn import Turn


class Checks:
    """Every method raises StorageError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def plan(self, due: Mapping[str, float], kept: Collection[str] | None) -> None:
        """Ask the hosts of ``due`` then (seconds since 1970); of hosts that are not ``kept`` nothing is known any
        more, where that is said."""

        def write(to: sqlite3.Connection) -> None:
            if kept is not None:
                checkturn.forget_conditions(to, kept)
            checkturn.plan_checks(to, due)

        await self._store.write(write, Notice())

    async def ask_now(self, host: str) -> None:
        """Ask the host before its time. Raises UnknownHostError, UnfitHostError."""
        await self._store.write(lambda to: checkturn.ask_now(to, host, self._store.clock.now()), Notice())

    async def claim(self, owner: str) -> Turn | None:
        """A renewal, or else a check: what is to be renewed is known already."""

        def write(to: sqlite3.Connection) -> Turn | None:
            now = self._store.clock.now()
            renewal = checkturn.claim_aside(to, RunKind.RENEWAL, owner, now)
            return renewal or checkturn.claim_aside(to, RunKind.CHECK, owner, now)

        return await self._store.write(write)

    async def end(self, run: Run, found: Finding, pause: Callable[[Condition], float | None], kept_runs: int) -> bool:
        """Whether it was ours to end, and still open. ``pause`` gives the seconds until the host is asked again, None
        where the next cycle does so."""

        def write(to: sqlite3.Connection) -> bool:
            now = self._store.clock.now()
            is_ours = checkturn.end_check(to, run.id, run.owner, found, pause, now)
            retention.forget(to, kept_runs, now)
            return is_ours

        is_ours = await self._store.write(write, Notice(run.id))
        self._store.tell(Notice())
        return is_ours

    async def end_renewal(self, run: Run, found: Finding, again: float, kept_runs: int) -> bool:
        """Whether it was ours to end, and still open. A check shows at once what it brought; one that was cut off is
        begun anew in ``again`` seconds."""

        def write(to: sqlite3.Connection) -> bool:
            now = self._store.clock.now()
            is_ours = checkturn.end_renewal(to, run.id, run.owner, found, again, now)
            retention.forget(to, kept_runs, now)
            return is_ours

        is_ours = await self._store.write(write, Notice(run.id))
        self._store.tell(Notice())
        return is_ours

    async def converge(self, host: str, may: Callable[[Host, Condition | None], bool]) -> Accepted | None:
        """A run for the host, where it may have one as it is now."""
        now = self._store.clock.now
        return await self._store.write(lambda to: checkturn.converge(to, host, may, now()), Notice())

    async def list_in_the_way(self) -> list[int]:
        """Checks that go on at a host which is to be configured."""
        return await self._store.read(lambda of: checkturn.list_in_the_way(of, self._store.clock.now()))

    async def conditions(self) -> dict[str, Condition]:
        """Of each host that is looked at, by its name."""
        return await self._store.read(checkturn.read_conditions)

    async def find_next(self) -> float | None:
        """Seconds until the next host is asked or seen to, below 0 where one is due; None where none is."""
        due = await self._store.read(checkturn.find_next_aside)
        return None if due is None else due - self._store.clock.now()

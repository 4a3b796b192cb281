"""The ledger: everything the control node must not forget about its hosts, behind one seam.

Every method that writes answers after the commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from homeprod.control.hosts import appsword, checkturn, retention, ring, row, turn
from homeprod.control.hosts.checks import Checks
from homeprod.control.hosts.errors import HeldKeyError, UnknownHostError, UnknownRunError
from homeprod.control.hosts.host import Accepted, Event, Host, Ring, Run, RunStatus
from homeprod.control.hosts.store import Notice, Store
from homeprod.core.overview.apps import AppsLine


class Ledger(Store):
    """``rekey`` is the site's policy for a known host that comes with another key."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.rekey: Literal["ask", "allow"] = "ask"
        self.checks = Checks(self)

    async def ring(self, wanted: Ring) -> Accepted:
        """Raises HeldKeyError, ConflictingIdError, StorageError."""
        may_rekey = self.rekey == "allow"
        done = await self._writer.write(lambda to: ring.accept(to, wanted, self.clock.now(), may_rekey))
        if isinstance(done, ring.Held):
            raise HeldKeyError(done.host)
        self.tell(Notice())
        return done

    async def note_wanted(self, wanted: Ring) -> None:
        """While Locked: what the host should become, and its key where it has none. Raises StorageError."""
        await self._writer.write(lambda to: ring.note_wanted(to, wanted))

    async def retry(self, host: str, by: str) -> Accepted:
        """A run now, with all its attempts before it. Raises UnknownHostError, StorageError."""
        done = await self._writer.write(lambda to: ring.queue_run(to, host, by, self.clock.now()))
        self.tell(Notice())
        return done

    async def use_id(self, call: str, digest: str) -> None:
        """A call's id counts once, as a ring's does. Raises ConflictingIdError where it was used, StorageError."""
        await self._writer.write(lambda to: ring.use_id(to, call, digest, self.clock.now()))

    async def trust(self, host: str, by: str, keys: tuple[str, ...]) -> Accepted:
        """Pin ``keys``, which are those that are held, and configure the host. Raises NothingHeldError where others
        are held or none, UnknownHostError, StorageError."""
        done = await self._writer.write(lambda to: ring.trust(to, host, by, keys, self.clock.now()))
        self.tell(Notice())
        return done

    async def cancel(self, run: int, by: str) -> Run:
        """The run as it was; one that has ended stays as it is. Raises UnknownRunError, StorageError."""
        found = await self._writer.write(lambda to: turn.cancel(to, run, by, self.clock.now()))
        if found is None:
            raise UnknownRunError(run)
        self.tell(Notice(run, is_cancel=found.status is RunStatus.RUNNING))
        return found

    async def forget(self, host: str, by: str) -> Host:
        """The host as it was; it is unknown from now on, until somebody rings for it. Raises UnknownHostError,
        RunningHostError, StorageError."""
        done = await self._writer.write(lambda to: retention.forget_host(to, host, by, self.clock.now()))
        self.tell(Notice())
        return done

    async def want_revision(self, host: str, revision: str, by: str) -> Accepted | None:
        """The host should be at ``revision``; None where it is, or a run is under way (which is compared at its end).
        Raises StorageError."""
        done = await self._writer.write(lambda to: turn.want_revision(to, host, revision, by, self.clock.now()))
        self.tell(Notice())
        return done

    async def place_hosts(self, environments: Mapping[str, str]) -> None:
        """Where each host belongs, as the inventory says: a ring that came while Locked did not know. Raises
        StorageError."""
        await self._writer.write(lambda to: ring.place_hosts(to, environments))
        self.tell(Notice())

    async def want_current(self, by: str) -> int:
        """Every pinned host that is not what it should be becomes due; how many. Raises StorageError."""
        done = await self._writer.write(lambda to: turn.want_current(to, by, self.clock.now()))
        self.tell(Notice())
        return done

    async def claim(self, owner: str) -> turn.Turn | None:
        return await self._writer.write(lambda to: turn.claim(to, owner, self.clock.now()))

    async def begin(self, run: Run, revision: str, vault: str = "", digest: str = "") -> None:
        await self._writer.write(lambda to: turn.begin(to, run, revision, vault, digest))
        self.tell(Notice(run.id))

    async def end(self, run: Run, outcome: turn.Outcome, kept_runs: int) -> bool:
        def write(to: sqlite3.Connection) -> bool:
            is_ours = turn.end(to, run.id, run.owner, outcome, self.clock.now())
            if is_ours and outcome.status is RunStatus.SUCCESSFUL:
                checkturn.note_success(to, run, self.clock.now())
            if is_ours and outcome.is_off and outcome.retry_at is None:
                checkturn.note_off(to, run, self.clock.now(), outcome.problem)
            retention.forget(to, kept_runs, self.clock.now())
            return is_ours

        is_ours = await self._writer.write(write)
        self.tell(Notice(run.id))
        self.tell(Notice())
        return is_ours

    async def put_back(self, run: Run, seconds: float, problem: str) -> None:
        """Due again in so many ``seconds``."""

        def write(to: sqlite3.Connection) -> None:
            now, current = self.clock.now(), row.find_run(to, run.id)
            turn.put_back(to, current or run, now + seconds, problem, now)

        await self._writer.write(write)
        self.tell(Notice(run.id))

    async def recover(self, owner: str, longest: float) -> int:
        """Put back what a daemon that is gone left running; nobody waits longer than ``longest`` seconds."""
        now = self.clock.now()

        def write(to: sqlite3.Connection) -> int:
            return turn.recover(to, owner, now, now + longest) + checkturn.cut_asides(to, owner, now, now + longest)

        return await self._writer.write(write)

    async def add_events(self, run: Run, messages: list[str]) -> None:
        await self._writer.write(lambda to: retention.add_events(to, run.id, run.owner, messages))
        self.tell(Notice(run.id))

    async def keep_apps(self, run: Run, apps: AppsLine | None) -> None:
        """What the host of a run said of its apps, in the place of what it said before; None where it has none. Of a
        run that is not its owner's any more nothing is kept. Raises StorageError."""
        await self._writer.write(lambda to: appsword.keep_apps(to, run, apps))

    async def apps(self) -> dict[str, AppsLine]:
        """By host, of those that have said something."""
        return await self.read(appsword.read_apps)

    async def hosts(self) -> list[Host]:
        return await self.read(row.read_hosts)

    async def host(self, name: str) -> Host:
        """Raises UnknownHostError."""
        found = await self.read(lambda of: row.find_host(of, name))
        if found is None:
            raise UnknownHostError(name)
        return found

    async def runs(self, limit: int = 50, host: str = "", kind: str = "") -> list[Run]:
        """The newest first."""
        return await self.read(lambda of: row.read_runs(of, limit, host, kind))

    async def last_runs(self) -> dict[str, Run]:
        """The newest of each host that was to set something, by its name."""
        return await self.read(row.read_last_runs)

    async def run(self, number: int) -> Run:
        """Raises UnknownRunError."""
        found = await self.read(lambda of: row.find_run(of, number))
        if found is None:
            raise UnknownRunError(number)
        return found

    async def events(self, run: int, after: int = 0, limit: int = 1000) -> list[Event]:
        """Those behind number ``after``."""
        return await self.read(lambda of: row.read_events(of, run, after, limit))

    async def count_runs(self) -> dict[RunStatus, int]:
        """Of those that are kept, but for checks."""
        return await self.read(row.count_runs)

    async def find_next_due(self) -> float | None:
        """Seconds until the next host is due, below 0 where one is; None where none is."""
        due = await self.read(turn.find_next_due)
        return None if due is None else due - self.clock.now()

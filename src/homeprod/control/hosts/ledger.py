"""The ledger: everything the control node must not forget about its hosts, behind one seam.

Every method that writes answers after the commit. One daemon alone has a ledger open: a lock on the file beside it
takes the place of leases that a jumping clock could end.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from homeprod.control.hosts import retention, ring, row, schema, turn
from homeprod.control.hosts.clock import SteadyClock
from homeprod.control.hosts.errors import HeldKeyError, StorageError, UnknownHostError, UnknownRunError
from homeprod.control.hosts.host import Accepted, Event, Host, Ring, Run, RunStatus
from homeprod.control.hosts.writer import Writer
from homeprod.core.errors import ControlError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Notice:
    """``run`` is 0 where hosts may be due; else something of that run is new, or somebody wants its end."""

    run: int = 0
    is_cancel: bool = False


class Ledger:
    """``rekey`` is the site's policy for a known host that comes with another key."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.clock = SteadyClock()
        self.rekey: Literal["ask", "allow"] = "ask"
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

    async def ring(self, wanted: Ring) -> Accepted:
        """Raises HeldKeyError, ConflictingIdError, StorageError."""
        may_rekey = self.rekey == "allow"
        done = await self._writer.write(lambda to: ring.accept(to, wanted, self.clock.now(), may_rekey))
        if isinstance(done, ring.Held):
            raise HeldKeyError(done.host)
        self._tell(Notice())
        return done

    async def note_wanted(self, wanted: Ring) -> None:
        """While Locked: what the host should become, and its key where it has none. Raises StorageError."""
        await self._writer.write(lambda to: ring.note_wanted(to, wanted))

    async def retry(self, host: str, by: str) -> Accepted:
        """A run now, with all its attempts before it. Raises UnknownHostError, StorageError."""
        done = await self._writer.write(lambda to: ring.queue_run(to, host, by, self.clock.now()))
        self._tell(Notice())
        return done

    async def use_id(self, call: str, digest: str) -> None:
        """A call's id counts once, as a ring's does. Raises ConflictingIdError where it was used, StorageError."""
        await self._writer.write(lambda to: ring.use_id(to, call, digest, self.clock.now()))

    async def trust(self, host: str, by: str, keys: tuple[str, ...]) -> Accepted:
        """Pin ``keys``, which are those that are held, and configure the host. Raises NothingHeldError where others
        are held or none, UnknownHostError, StorageError."""
        done = await self._writer.write(lambda to: ring.trust(to, host, by, keys, self.clock.now()))
        self._tell(Notice())
        return done

    async def cancel(self, run: int, by: str) -> Run:
        """The run as it was; one that has ended stays as it is. Raises UnknownRunError, StorageError."""
        found = await self._writer.write(lambda to: turn.cancel(to, run, by, self.clock.now()))
        if found is None:
            raise UnknownRunError(run)
        self._tell(Notice(run, is_cancel=found.status is RunStatus.RUNNING))
        return found

    async def forget(self, host: str, by: str) -> Host:
        """The host as it was; it is unknown from now on, until somebody rings for it. Raises UnknownHostError,
        RunningHostError, StorageError."""
        done = await self._writer.write(lambda to: retention.forget_host(to, host, by, self.clock.now()))
        self._tell(Notice())
        return done

    async def want_revision(self, host: str, revision: str, by: str) -> Accepted | None:
        """The host should be at ``revision``; None where it is, or a run is under way (which is compared at its end).
        Raises StorageError."""
        done = await self._writer.write(lambda to: turn.want_revision(to, host, revision, by, self.clock.now()))
        self._tell(Notice())
        return done

    async def place_hosts(self, environments: Mapping[str, str]) -> None:
        """Where each host belongs, as the inventory says: a ring that came while Locked did not know. Raises
        StorageError."""
        await self._writer.write(lambda to: ring.place_hosts(to, environments))
        self._tell(Notice())

    async def want_current(self, by: str) -> int:
        """Every pinned host that is not what it should be becomes due; how many. Raises StorageError."""
        done = await self._writer.write(lambda to: turn.want_current(to, by, self.clock.now()))
        self._tell(Notice())
        return done

    async def claim(self, owner: str) -> turn.Turn | None:
        return await self._writer.write(lambda to: turn.claim(to, owner, self.clock.now()))

    async def begin(self, run: Run, revision: str) -> None:
        await self._writer.write(lambda to: turn.begin(to, run, revision))
        self._tell(Notice(run.id))

    async def end(self, run: Run, outcome: turn.Outcome, kept_runs: int) -> bool:
        def write(to: sqlite3.Connection) -> bool:
            is_ours = turn.end(to, run.id, run.owner, outcome, self.clock.now())
            retention.forget(to, kept_runs, self.clock.now())
            return is_ours

        is_ours = await self._writer.write(write)
        self._tell(Notice(run.id))
        return is_ours

    async def put_back(self, run: Run, seconds: float, problem: str) -> None:
        """Due again in so many ``seconds``."""

        def write(to: sqlite3.Connection) -> None:
            now, current = self.clock.now(), row.find_run(to, run.id)
            turn.put_back(to, current or run, now + seconds, problem, now)

        await self._writer.write(write)
        self._tell(Notice(run.id))

    async def recover(self, owner: str, longest: float) -> int:
        """Put back what a daemon that is gone left running; nobody waits longer than ``longest`` seconds."""
        now = self.clock.now()
        return await self._writer.write(lambda to: turn.recover(to, owner, now, now + longest))

    async def add_events(self, run: Run, messages: list[str]) -> None:
        await self._writer.write(lambda to: retention.add_events(to, run.id, run.owner, messages))
        self._tell(Notice(run.id))

    async def hosts(self) -> list[Host]:
        return await self._read(row.read_hosts)

    async def host(self, name: str) -> Host:
        """Raises UnknownHostError."""
        found = await self._read(lambda of: row.find_host(of, name))
        if found is None:
            raise UnknownHostError(name)
        return found

    async def runs(self, limit: int = 50, host: str = "") -> list[Run]:
        """The newest first."""
        return await self._read(lambda of: row.read_runs(of, limit, host))

    async def last_runs(self) -> dict[str, Run]:
        """The newest of each host, by its name."""
        return await self._read(row.read_last_runs)

    async def run(self, number: int) -> Run:
        """Raises UnknownRunError."""
        found = await self._read(lambda of: row.find_run(of, number))
        if found is None:
            raise UnknownRunError(number)
        return found

    async def events(self, run: int, after: int = 0, limit: int = 1000) -> list[Event]:
        """Those behind number ``after``."""
        return await self._read(lambda of: row.read_events(of, run, after, limit))

    async def count_runs(self) -> dict[RunStatus, int]:
        """Of those that are kept."""
        return await self._read(row.count_runs)

    async def find_next_due(self) -> float | None:
        """Seconds until the next host is due, below 0 where one is; None where none is."""
        due = await self._read(turn.find_next_due)
        return None if due is None else due - self.clock.now()

    async def _read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Raises StorageError where the file cannot be read."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, ask, self._connections[1])
        except sqlite3.Error as error:
            raise StorageError(str(error), str(self._file)) from error

    def _tell(self, notice: Notice) -> None:
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

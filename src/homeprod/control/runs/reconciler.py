"""Makes hosts what they should be: takes what is due, one run a host, a few hosts at once, while Ready.

Nothing is kept in memory that matters: the ledger says what is due, and a daemon that was killed at any moment goes
on from there. What belongs to a run is bound to its channel, which the kernel closes with the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from homeprod.control.hosts.host import RunKind
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.store import Notice
from homeprod.control.hosts.turn import Turn
from homeprod.control.runs.attempt import Attempt, Desk
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.check import Check
from homeprod.control.runs.renewal import Renewal
from homeprod.control.settings import NodeSettings
from homeprod.control.state import NodeState
from homeprod.core.errors import ControlError

_LOG = logging.getLogger("homeprod.control")
_KINDS = {RunKind.CONFIGURE: Attempt, RunKind.CHECK: Check, RunKind.RENEWAL: Renewal}
_PAUSE = 1.0
"""Seconds until the ledger is asked again, after it could not be written."""


class Reconciler:
    """``owner`` is this daemon's life: no two have the same."""

    def __init__(
        self,
        ledger: Ledger,
        desk: Desk,
        settings: Callable[[], NodeSettings],
        owner: str,
        backoff: Backoff = Backoff(),  # noqa: B008 (frozen)
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._settings = settings
        self._owner = owner
        self._backoff = backoff
        self._is_ready = False
        self._is_looked_through = False
        self._wake = asyncio.Event()
        self._attempts: dict[int, tuple[Attempt, asyncio.Task[None]]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._stop_listening: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Put back what an earlier daemon left, and begin. Raises StorageError."""
        count = await self._ledger.recover(self._owner, self._backoff.longest)
        if count:
            _LOG.warning("%d runs were cut off by the end of an earlier daemon; they are due again", count)
        self._stop_listening = self._ledger.listen(self._hear)
        self._loop = asyncio.create_task(self._work(), name="reconciler")

    async def stop(self) -> None:
        """Cut off every run, put it back, and end; returns when no worker is left."""
        self._is_ready = False
        self._stop_listening()
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
        await self._cut_off("the daemon was stopped")

    async def on_state(self, state: NodeState) -> None:
        """Ready: whatever is not what it should be becomes due, once that can be written. Any other: every run is cut
        off and put back."""
        was_ready, self._is_ready = self._is_ready, state is NodeState.READY
        if self._is_ready and not was_ready:
            self._is_looked_through = False
            try:
                await self._look_through()
            except ControlError as error:  # a full disk: it is tried again, and meanwhile a lock is heard
                _LOG.error("%s", error)
        elif was_ready and not self._is_ready:
            await self._cut_off("the control node was locked")
        self._wake.set()

    @property
    def running(self) -> tuple[int, ...]:
        """The runs that are under way."""
        return tuple(self._attempts)

    async def _look_through(self) -> None:
        """Once an unlock: what is not as it should be becomes due. Raises StorageError."""
        if self._is_ready and not self._is_looked_through:
            self._is_looked_through = True
            try:
                await self._ledger.want_current("unlock")
            except BaseException:
                self._is_looked_through = False
                raise

    async def _cut_off(self, reason: str) -> None:
        tasks = [task for _, task in self._attempts.values()]
        for attempt, _ in self._attempts.values():
            attempt.cut_off(reason)
        if tasks:
            await asyncio.wait(tasks)

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                pause = await self._fill()
            except ControlError as error:  # a full disk: what is due stays due
                _LOG.error("%s", error)
                pause = _PAUSE
            except Exception as error:  # noqa: BLE001 (whatever it is, it must not end what makes all hosts due)
                _LOG.error("a mistake of the control node's own", exc_info=error)
                pause = _PAUSE
            # Not `wait_for`: before Python 3.12 it forgets a cancellation that meets what it waits for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _fill(self) -> float | None:
        """Begin what is due and has room; the seconds until the next is due."""
        await self._look_through()
        await self._make_way()
        while self._is_ready and self._has_room:
            turn = await self._ledger.claim(self._owner) or await self._ledger.checks.claim(self._owner)
            if turn is None:
                seconds = (await self._ledger.find_next_due(), await self._ledger.checks.find_next())
                known = [one for one in seconds if one is not None]
                return max(min(known), 0.01) if known else None
            self._begin(turn)
        return None

    @property
    def _has_room(self) -> bool:
        return len(self._attempts) < self._settings().parallel_runs

    async def _make_way(self) -> None:
        """No run waits for a check: one at the same host ends, and where there is no room the one that began last."""
        for number in await self._ledger.checks.list_in_the_way():
            if number in self._attempts:
                self._attempts[number][0].cut_off("a run of the host is due")
        checks = [one for one, _ in self._attempts.values() if isinstance(one, Check)]
        if self._has_room or not checks or any(one.is_cut for one in checks):
            return
        seconds = await self._ledger.find_next_due()
        if seconds is not None and seconds <= 0:
            checks[-1].cut_off("another host's run is due, and no more may go on at once")

    def _begin(self, turn: Turn) -> None:
        attempt = _KINDS[turn.run.kind](turn, self._ledger, self._desk, self._settings(), self._backoff)
        if not self._is_ready:
            attempt.cut_off("the control node was locked")  # meanwhile; the attempt puts it back itself
        task = asyncio.create_task(attempt.carry_out(), name=f"run {turn.run.id}")
        self._attempts[turn.run.id] = attempt, task
        task.add_done_callback(lambda _: self._finish(turn.run.id))

    def _finish(self, run: int) -> None:
        _, task = self._attempts.pop(run)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("run %d ended with an error of the control node's own", run, exc_info=error)
        self._wake.set()

    def _hear(self, notice: Notice) -> None:
        if notice.is_cancel and notice.run in self._attempts:
            self._attempts[notice.run][0].cancel()
        elif notice.run == 0:
            self._wake.set()

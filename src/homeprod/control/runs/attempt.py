"""One run from its turn to its end, as the daemon sees it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from homeprod.control.hosts.errors import StorageError
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Outcome, Turn
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.job import Job
from homeprod.control.runs.launcher import Channel, Launcher, Message
from homeprod.control.settings import NodeSettings
from homeprod.control.trouble import tell_trouble
from homeprod.core.errors import ControlError
from homeprod.core.overview.apps import AppsLine, judge_word

_LOG = logging.getLogger("homeprod.control")
_GRACE = 30.0
"""Seconds that a worker has, beyond the run's own limit, to say itself that the limit was reached."""
MOST_EVENTS = 20_000
"""Kept of one run; the rest is counted."""
_GATHERED = 200
_PAUSE = 1.0


class NotYetError(ControlError):
    """What the run needs cannot be had now; it waits, and that does not count as an attempt. ``seconds`` is how long,
    None where that grows with each time."""

    seconds: float | None = None


class Desk(Protocol):
    """Where a run gets what it needs."""

    async def prepare(self, turn: Turn) -> Job:
        """Raises NotYetError where it has to wait; any other ControlError is the run's end."""
        ...

    async def release(self, job: Job) -> None:
        """The run is over; what was opened for it is closed."""
        ...

    def find_launcher(self, environment: str) -> Launcher: ...


class Attempt:
    def __init__(self, turn: Turn, ledger: Ledger, desk: Desk, settings: NodeSettings, backoff: Backoff) -> None:
        self._turn = turn
        self._run = turn.run
        self._ledger = ledger
        self._desk = desk
        self._settings = settings
        self._backoff = backoff
        self._is_canceled = False
        self._cut = ""
        self._moved = asyncio.Event()
        self._count = 0
        self._has_heard_of_apps = False
        self._apps: AppsLine | None = None

    def cancel(self) -> None:
        """A person wants its end."""
        self._is_canceled = True
        self._moved.set()

    @property
    def is_cut(self) -> bool:
        return bool(self._cut)

    def cut_off(self, reason: str) -> None:
        """The control node wants its end; the run is put back."""
        self._cut = reason
        self._moved.set()

    async def carry_out(self) -> None:
        """Returns when the ledger knows how it ended, however long that takes on a full disk.

        Its worker is gone by then: as soon as the ledger has it, the same run may be begun again.
        """
        # What waits for a repository may wait for long, again and again: no worker is started for that.
        launching = None if self._turn.host.problem else self._launch()
        outcome, seconds = None, 0.0
        try:
            if job := await self._prepare():
                launching = launching or self._launch()
                try:
                    outcome = await self._play(job, launching)
                finally:
                    await self._desk.release(job)
            reason = self._cut
        except NotYetError as error:
            wait = self._backoff.wait(self._turn.host.attempt)
            reason, seconds = tell_trouble(error), wait if error.seconds is None else error.seconds
        except ControlError as error:
            outcome, reason = Outcome(RunStatus.FAILED, tell_trouble(error)), ""
        except Exception as error:  # noqa: BLE001 (whatever it is, the host must not count as running for ever)
            _LOG.error("run %d: a mistake of the control node's own", self._run.id, exc_info=error)
            outcome, reason = self._fail(f"a mistake of the control node's own: {type(error).__name__}"), ""
        finally:
            if launching is not None:
                await _close(launching)
        await self._keep_apps()
        await (self._end(outcome) if outcome else self._put_back(reason, seconds))

    def _launch(self) -> asyncio.Task[Channel]:
        return asyncio.create_task(self._desk.find_launcher(self._run.environment).launch())

    async def _prepare(self) -> Job | None:
        """None where it was cut off meanwhile: a lock does not wait for a slow git server."""
        preparing = asyncio.create_task(self._desk.prepare(self._turn))
        try:
            while not preparing.done() and not self._cut:
                self._moved.clear()
                moved = asyncio.create_task(self._moved.wait())
                await asyncio.wait((preparing, moved), return_when=asyncio.FIRST_COMPLETED)
                moved.cancel()
            return await preparing if preparing.done() else None
        finally:
            preparing.cancel()

    async def _play(self, job: Job, launching: asyncio.Task[Channel]) -> Outcome | None:
        """None where it was cut off."""
        if self._cut:
            return None
        try:
            channel = await asyncio.shield(launching)
        except ControlError as error:
            return self._fail(tell_trouble(error))
        await channel.hand_over(job)
        # Meanwhile the worker begins: a run that is cut off between the two is begun again, as any other.
        await insist(lambda: self._ledger.begin(self._run, job.revision, job.vault, job.digest))
        return await self._attend(channel)

    async def _attend(self, channel: Channel) -> Outcome | None:
        """Follow the worker until it ends, the daemon wants it to, or nothing is heard of it any more."""
        following = asyncio.create_task(self._follow(channel))
        moved = asyncio.create_task(self._attend_wishes(channel))
        limit = self._settings.run_limit + _GRACE
        try:
            await asyncio.wait((following, moved), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                return self._judge(following.result())
            if moved.done():
                return None
            return self._judge({"status": "timeout", "problem": "its worker was silent beyond the limit"})
        finally:
            following.cancel()
            moved.cancel()
            await asyncio.gather(following, moved, return_exceptions=True)

    async def _attend_wishes(self, channel: Channel) -> None:
        while not self._cut:
            if self._is_canceled:
                await channel.cancel()
            self._moved.clear()
            await self._moved.wait()

    async def _follow(self, channel: Channel) -> Message:
        """The worker's last word, ``{}`` where it ended without one. Events are kept many at a time: while one batch
        is written, the next gathers in the channel."""
        gathered: asyncio.Queue[Message | None] = asyncio.Queue(_GATHERED)
        keeping = asyncio.create_task(self._keep(gathered))
        end: Message = {}
        try:
            async for message in channel:
                if "end" in message:
                    end = message["end"]
                    break
                if "apps" in message:
                    self._hear_of_apps(message["apps"])
                    continue
                self._hear(message)
                await gathered.put(message)
            await gathered.put(None)
            await keeping
        finally:
            keeping.cancel()
        return end

    def _hear(self, message: Message) -> None:
        """Of each that the worker sends, before it is kept."""

    def _hear_of_apps(self, told: object) -> None:
        """The host's word about its apps, which says as much of a run that fails later."""
        self._apps, self._has_heard_of_apps = judge_word(told, self._ledger.clock.now()), True

    async def _keep_apps(self) -> None:
        """What is not heard stays as it was."""
        if self._has_heard_of_apps:
            try:
                await self._ledger.keep_apps(self._run, self._apps)
            except StorageError as error:  # the next run brings it again
                _LOG.error("run %d: what was heard of apps is not kept: %s", self._run.id, error)

    async def _keep(self, gathered: asyncio.Queue[Message | None]) -> None:
        while True:
            batch = [await gathered.get()]
            while not gathered.empty():
                batch.append(gathered.get_nowait())
            texts = [clean(json.dumps(one, ensure_ascii=False)) for one in batch if one is not None]
            await self._keep_events(texts)
            if None in batch:
                return

    async def _keep_events(self, texts: list[str]) -> None:
        room = max(MOST_EVENTS - self._count, 0)
        self._count += len(texts)
        if room < len(texts) and room > 0:
            texts = [*texts[: room - 1], json.dumps({"event": {"kind": "full", "message": f"{MOST_EVENTS} kept"}})]
        if texts and room:
            try:
                await self._ledger.add_events(self._run, texts)
            except StorageError as error:  # an event is not worth the run
                _LOG.error("run %d: %d events are not kept: %s", self._run.id, len(texts), error)

    def _judge(self, end: Message) -> Outcome:
        """What the worker's last word means for the host."""
        status = RunStatus(end.get("status", "failed"))
        problem = str(end.get("problem", "" if end else "its worker ended without a word"))
        if status is RunStatus.SUCCESSFUL:
            return Outcome(status)
        if self._is_canceled or status is RunStatus.CANCELED:
            return Outcome(RunStatus.CANCELED)
        if status is RunStatus.TIMEOUT:
            problem = problem or f"it took longer than {self._settings.run_limit} s"
        may_retry = bool(end.get("retry", True))
        failed = self._fail(problem, status, may_retry)
        return replace(failed, is_off=may_retry and bool(end.get("unreachable")))

    def _fail(self, problem: str, status: RunStatus = RunStatus.FAILED, may_retry: bool = True) -> Outcome:
        attempt = self._turn.host.attempt
        if not may_retry or attempt >= self._settings.attempts:
            return Outcome(status, problem)
        return Outcome(status, problem, self._ledger.clock.now() + self._backoff.wait(attempt))

    async def _end(self, outcome: Outcome) -> None:
        known = replace(outcome, problem=clean(outcome.problem))
        await insist(lambda: self._ledger.end(self._run, known, self._settings.kept_runs))

    async def _put_back(self, reason: str, seconds: float) -> None:
        await insist(lambda: self._ledger.put_back(self._run, seconds, clean(reason)))


def clean(text: str) -> str:
    """As the ledger can hold it: what a program prints, and a file's name, need not be text (what is none comes as
    lone surrogates)."""
    return text.encode(errors="replace").decode()


async def _close(launching: asyncio.Task[Channel]) -> None:
    """Returns when nothing of the worker is left, whether it was ever given a job or not."""
    try:
        channel = await launching
    except ControlError:
        return  # there is none; where that matters it was said
    await channel.close()


async def insist(do: Callable[[], Awaitable[object]]) -> None:
    """Until it is written: what happened to a machine is not forgotten for want of room."""
    while True:
        try:
            await do()
        except StorageError as error:
            _LOG.error("%s", error)
            await asyncio.sleep(_PAUSE)
        else:
            return

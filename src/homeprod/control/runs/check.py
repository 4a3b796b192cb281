"""A check: a run that asks what would change. It ends with what it found, and is never put back."""

from __future__ import annotations

from collections.abc import Callable

from homeprod.control.hosts.condition import Condition, DriftTask, Finding
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.control.runs.attempt import Attempt, clean, insist
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.launcher import Message

MOST_TASKS = 200
"""That are kept of one check; the rest is counted."""
MOST_CHARACTERS = 200_000
"""Of all their differences together; those beyond are left out."""
FIRST_PAUSE = 60.0
"""Seconds until a host that did not answer is asked again: longer each time, and never longer than a cycle."""
LEFT_OUT = "(left out: too much differs)"


class Check(Attempt):
    _drift: tuple[DriftTask, ...] = ()
    _more = 0
    _characters = 0
    _is_whole = True

    def _hear(self, message: Message) -> None:
        if message.get("event", {}).get("kind") == "dropped":
            self._is_whole = False
        told = message.get("change")
        if not isinstance(told, dict):
            return
        if len(self._drift) == MOST_TASKS:
            self._more += 1
            return
        task, role, target, diff = (clean(str(told.get(name, ""))) for name in ("task", "role", "target", "diff"))
        self._characters += len(diff)
        if self._characters > MOST_CHARACTERS:
            diff = LEFT_OUT
        self._drift = (*self._drift, DriftTask(task, role, target, diff))

    def _judge(self, end: Message) -> Outcome:
        outcome = super()._judge(end)
        if outcome.status is RunStatus.SUCCESSFUL and not self._is_whole:
            return Outcome(RunStatus.FAILED, "it went too fast to be followed, so what differs is not known")
        return Outcome(RunStatus.LATE, outcome.problem) if outcome.is_off else outcome

    def _fail(self, problem: str, status: RunStatus = RunStatus.FAILED, may_retry: bool = True) -> Outcome:  # noqa: ARG002 (the next cycle asks again)
        return Outcome(status, problem)

    async def _end(self, outcome: Outcome) -> None:
        found = Finding(outcome.status, clean(outcome.problem), self._drift, self._more)
        pause, kept = self._find_pause(found), self._settings.kept_runs
        await insist(lambda: self._ledger.checks.end(self._run, found, pause, kept))

    async def _put_back(self, reason: str, seconds: float) -> None:  # noqa: ARG002 (its own)
        """What cut it off has its turn first. What it waits for is waited for by the cycle."""
        await self._end(Outcome(RunStatus.CANCELED if self.is_cut else RunStatus.FAILED, reason))

    def _find_pause(self, found: Finding) -> Callable[[Condition], float | None]:
        known = self._settings.find_environment(self._run.environment)
        every = 60.0 * (known.upkeep.every if known and known.upkeep else 60)
        if found.status is RunStatus.LATE:
            return lambda condition: Backoff(FIRST_PAUSE, every).wait(condition.misses)
        return lambda _: FIRST_PAUSE if found.status is RunStatus.CANCELED else None

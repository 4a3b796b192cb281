"""A check: a run that asks what would change."""

from __future__ import annotations

from collections.abc import Callable

from homeprod.control.hosts.condition import Condition, DriftTask, Finding
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.control.runs.aside import FIRST_PAUSE, Aside
from homeprod.control.runs.attempt import clean, insist
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.launcher import Message

MOST_TASKS = 200
"""That are kept of one check; the rest is counted."""
MOST_CHARACTERS = 200_000
"""Of all their differences together; those beyond are left out."""
LEFT_OUT = "(left out: too much differs)"


class Check(Aside):
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
        if outcome.status is RunStatus.SUCCESSFUL and not self._has_heard_of_apps:
            self._hear_of_apps(None)  # no role of the playbook keeps apps there any more
        return outcome

    async def _end(self, outcome: Outcome) -> None:
        found = Finding(outcome.status, clean(outcome.problem), self._drift, self._more)
        pause, kept = self._find_pause(found), self._settings.kept_runs
        await insist(lambda: self._ledger.checks.end(self._run, found, pause, kept))

    def _find_pause(self, found: Finding) -> Callable[[Condition], float | None]:
        known = self._settings.find_environment(self._run.environment)
        every = 60.0 * (known.upkeep.every if known and known.upkeep else 60)
        if found.status is RunStatus.LATE:  # longer each time, and never longer than a cycle
            return lambda condition: Backoff(FIRST_PAUSE, every).wait(condition.misses)
        return lambda _: FIRST_PAUSE if found.status is RunStatus.CANCELED else None

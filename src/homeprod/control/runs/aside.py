"""A run aside: one that nobody rang for, which makes the host nothing that it is not already. It ends once, with what
it found, and is never put back."""

from __future__ import annotations

from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.control.runs.attempt import Attempt
from homeprod.control.runs.launcher import Message

FIRST_PAUSE = 60.0
"""Seconds until what was cut off, or a host that did not answer, has its next turn."""


class Aside(Attempt):
    def _judge(self, end: Message) -> Outcome:
        outcome = super()._judge(end)
        return Outcome(RunStatus.LATE, outcome.problem) if outcome.is_off else outcome

    def _fail(self, problem: str, status: RunStatus = RunStatus.FAILED, may_retry: bool = True) -> Outcome:  # noqa: ARG002 (its next turn comes of itself)
        return Outcome(status, problem)

    async def _put_back(self, reason: str, seconds: float) -> None:  # noqa: ARG002 (its own)
        """What cut it off has its turn first. What it waits for is waited for by the cycle."""
        await self._end(Outcome(RunStatus.CANCELED if self.is_cut else RunStatus.FAILED, reason))

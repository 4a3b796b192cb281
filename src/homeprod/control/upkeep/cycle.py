"""Cycle: when an environment's repositories are fetched, and its hosts asked."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.control.runs.backoff import Backoff

FIRST_RETRY = 60.0
"""Seconds until a fetch that failed is tried again before its time: longer each time."""
_TOO_NEAR = 0.7
"""Of a cycle; a retry that late is left to the next one."""


@dataclass
class Cycle:
    """``begins`` is when the next one does, ``retries`` when a fetch that failed is tried again before that; seconds
    since 1970. ``heads`` are those of both repositories, by which hosts were asked last."""

    begins: float
    seconds: float
    retries: float | None = None
    failures: int = 0
    heads: str = ""

    def is_due(self, now: float) -> bool:
        return now >= self.begins

    def wants_fetch(self, now: float) -> bool:
        return self.is_due(now) or (self.retries is not None and now >= self.retries)

    def note_fetched(self, now: float, has_failed: bool) -> None:
        self.retries, self.failures = None, self.failures + 1 if has_failed else 0
        if has_failed:
            wait = Backoff(FIRST_RETRY, self.seconds).wait(self.failures)
            self.retries = now + wait if wait < _TOO_NEAR * self.seconds else None

    def move_on(self, now: float) -> None:
        """At its own pace; cycles that were missed are not made up for."""
        missed = max(now - self.begins, 0.0) // self.seconds
        self.begins += (missed + 1) * self.seconds

    def find_next(self) -> float:
        return min(self.begins, self.retries if self.retries is not None else self.begins)

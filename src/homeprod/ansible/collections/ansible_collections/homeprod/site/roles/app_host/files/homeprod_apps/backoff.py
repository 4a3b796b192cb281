"""When something that failed is tried again: at growing distances, so that what is down for a day costs little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST, LONGEST = 60.0, 900.0
"""Seconds."""


@dataclass(frozen=True)
class Backoff:
    """``since`` and ``due`` are seconds since the epoch; ``failures`` of 0 is nothing that failed."""

    failures: int = 0
    since: float = 0
    due: float = 0
    problem: str = ""

    def fail(self, problem: str, now: float) -> Backoff:
        distance = min(FIRST * 2 ** min(self.failures, 10), LONGEST)
        return Backoff(self.failures + 1, self.since or now, now + distance, problem)

    def waits(self, now: float) -> bool:
        """A clock that was set back makes nobody wait for longer than the longest distance."""
        return now < self.due <= now + LONGEST


def parse_backoff(given: Mapping[str, Any]) -> Backoff:
    """Raises TypeError, ValueError."""
    return Backoff(int(given["failures"]), float(given["since"]), float(given["due"]), str(given["problem"]))

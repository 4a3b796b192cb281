"""Repeating what only reads: with back-off and jitter, a few times, saying so."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from homeprod.core.errors import TransientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backoff:
    """``attempts`` in all; waits of ``first`` seconds, doubling up to ``longest``, each shortened by up to a half so
    that many threads do not come back together."""

    attempts: int = 4
    first: float = 0.25
    longest: float = 4.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int) -> None:
        span = min(self.longest, self.first * 2**attempt)
        self.sleep(span * random.uniform(0.5, 1))  # noqa: S311 (jitter, no secret)


def read_patiently(read: Callable[[], T], backoff: Backoff) -> T:
    """Call until it gives something or fails for good; raises the last TransientError with the number of attempts."""
    for attempt in range(backoff.attempts):
        try:
            return read()
        except TransientError as error:
            if attempt + 1 == backoff.attempts:
                if attempt:
                    error.message += f" (tried {backoff.attempts} times)"
                raise
            backoff.wait(attempt)
    raise AssertionError("a back-off has at least one attempt")

"""How often somebody may call: a bucket of tokens each, filled again as time passes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_CALLERS = 4096
"""Of whom we remember how full their buckets are; who was silent longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` at once, then ``per_second``."""

    per_second: float
    burst: float


class Buckets:
    def __init__(self, rate: Rate, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = rate, now
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """0 where the caller may go on, which takes a token; else the seconds until there is one."""
        now, rate = self._now(), self._rate
        tokens, seen = self._callers.get(caller, (rate.burst, now))
        tokens = min(rate.burst, tokens + (now - seen) * rate.per_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate.per_second
        self._callers[caller] = (tokens if wait else tokens - 1), now
        self._callers.move_to_end(caller)
        if len(self._callers) > MOST_CALLERS:
            self._callers.popitem(last=False)
        return wait

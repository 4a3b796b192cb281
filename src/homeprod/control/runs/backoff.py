"""How long to wait before the next try: longer each time, capped, and never the same for two hosts."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds. ``spread`` is the part by which a wait is drawn shorter or longer, so that hosts which failed together
    do not come back together."""

    first: float = 10.0
    longest: float = 900.0
    spread: float = 0.25

    def wait(self, attempt: int) -> float:
        """After the ``attempt``-th try, counted from 1; never above ``longest``."""
        plain: float = self.first * 2 ** min(max(attempt - 1, 0), 30)
        drawn = min(plain, self.longest) * random.uniform(1 - self.spread, 1 + self.spread)  # noqa: S311 (no secret)
        return min(drawn, self.longest)

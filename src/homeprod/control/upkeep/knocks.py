"""Knocks: hints from anybody that something was pushed. However many come, they cost a bounded number of fetches."""

from __future__ import annotations

BURST = 6
PER_SECOND = 1 / 60
_ALMOST = 1e-6
"""Seconds; what is left of a wait by rounding."""
PAUSE = 5.0
"""Seconds between two fetches; so many at once (``BURST``), then one a minute. No knock is lost by that: one that
comes too early is answered later, together with all that came since."""


class Knocks:
    """Times are seconds of one clock."""

    def __init__(self) -> None:
        self._is_pending = False
        self._tokens, self._seen, self._last = float(BURST), 0.0, -PAUSE

    def knock(self) -> None:
        self._is_pending = True

    def find_wait(self, now: float) -> float | None:
        """Seconds until what is pending may be answered, None where nothing is."""
        if not self._is_pending:
            return None
        tokens = self._count(now)
        return max(self._last + PAUSE - now, (1 - tokens) / PER_SECOND, 0.0)

    def take(self, now: float) -> bool:
        """Whether to fetch now, for all who have knocked so far."""
        wait = self.find_wait(now)
        if wait is None or wait > _ALMOST:
            return False
        self._tokens, self._seen, self._last = self._count(now) - 1, now, now
        self._is_pending = False
        return True

    def _count(self, now: float) -> float:
        return min(float(BURST), self._tokens + max(now - self._seen, 0.0) * PER_SECOND)

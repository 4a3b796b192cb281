"""Gate: how many tasks Proxmox is given at once.

A few at first, and one more again and again as long as the tasks do not take longer for it: what a cluster's storages
and nodes do at once shows in nothing else. A lock that could not be had halves the number. (Additive increase,
multiplicative decrease, with the delay as the sign: as TCP Vegas does it.)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

FEW = 4
MOST = 32
SLOWER = 2.0
"""Times as long as the quickest task of its kind took: from there on more at once gain nothing."""
SLACK = 0.25
"""Seconds that a task may seem longer for our looking only now and then."""


class Gate:
    """For many threads. ``few`` at once at first, never more than ``most``."""

    def __init__(self, few: int = FEW, most: int = MOST) -> None:
        self._few, self._most = few, most
        self._limit = float(few)
        self._inside = 0
        self._waiting = 0
        self._best: dict[str, float] = {}
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        return int(self._limit)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Waits for a place."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._inside < int(self._limit))
            self._waiting -= 1
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify()

    def note(self, kind: str, seconds: float) -> None:
        """A task of that kind took so long from its begin to its end."""
        with self._changed:
            best = self._best[kind] = min(seconds, self._best.get(kind, seconds))
            if seconds > SLOWER * best + SLACK:
                # Down to the first few only: there are tasks that take longer because there is more to do.
                if self._limit > self._few:
                    self._limit = max(self._few, self._limit - 1 / self._limit)
            elif self._waiting:  # nobody knows what more would do where there is no more
                self._limit = min(self._most, self._limit + 1 / self._limit)
                self._changed.notify()

    def shrink(self) -> None:
        """Proxmox could not keep up: a lock was not to be had, or it did not answer."""
        with self._changed:
            self._limit = max(1.0, self._limit / 2)

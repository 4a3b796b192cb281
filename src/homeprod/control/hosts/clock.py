"""A clock that does not jump while the process lives.

What is due is kept in seconds since 1970, so that it survives a restart; while the daemon runs, those seconds are
counted from its start by a clock that nobody can set. So a jump of the wall clock neither starts a host too early nor
makes one wait for ever; at a restart :func:`homeprod.control.hosts.turn.recover` bounds what is left of one.
"""

from __future__ import annotations

import time


class SteadyClock:
    def __init__(self) -> None:
        self._offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def now(self) -> float:
        """Seconds since 1970, as counted since this clock was made."""
        return self._offset + time.clock_gettime(time.CLOCK_BOOTTIME)

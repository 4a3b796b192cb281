"""What a process costs, as the kernel counts it."""

from __future__ import annotations

import resource
from pathlib import Path


def read_memory(pid: int) -> float:
    """Megabytes: what it shares with others counts in part."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1000


def read_cpu(pid: int) -> float:
    """Nanoseconds on a CPU are the first word (proc(5), schedstat), of every thread."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def read_own_cpu() -> float:
    """Seconds of this process, and of all that it has started and seen the end of."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

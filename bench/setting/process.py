"""What a process costs, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path


def read_memory(pid: int) -> float:
    """Megabytes: what it shares with others counts in part."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1000


def read_cpu(pid: int) -> float:
    """Nanoseconds on a CPU are the first word (proc(5), schedstat), of every thread."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

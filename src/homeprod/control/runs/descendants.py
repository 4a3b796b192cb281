"""Everything that a run started, whatever session it has moved to, and its end.

A worker makes itself the reaper of its descendants (prctl(2), PR_SET_CHILD_SUBREAPER): what detaches itself, as the
masters of ControlPersist do, becomes its child instead of init's, and is found. On a control node the run's cgroup
ends with the worker besides.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """From now on, descendants whose parent ends become this process's children. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def find_descendants() -> set[int]:
    """Of this process, without those that have ended (zombies)."""
    parents = {int(entry.name): parent for entry in Path("/proc").iterdir() if (parent := _read_parent(entry)) > 0}
    found: set[int] = set()
    generation = {os.getpid()}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation} - found
        found |= generation
    return found


def terminate_descendants(spare: int) -> None:
    """SIGTERM to all but ``spare``."""
    _signal_all(signal.SIGTERM, {spare})


def end_descendants() -> None:
    """SIGKILL as often as it takes. Returns when the kernel says that there is no child left, not even an ended one:
    whoever forks meanwhile leaves a child behind, here or below one that is here."""
    while True:
        _signal_all(signal.SIGKILL, set())
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _signal_all(number: signal.Signals, spared: set[int]) -> None:
    handles = {}
    for pid in find_descendants() - spared:
        with contextlib.suppress(ProcessLookupError):
            handles[pid] = os.pidfd_open(pid)
    # Looked at again behind the handle: a number that was handed out anew meanwhile is no descendant.
    descendants = find_descendants()
    for pid, handle in handles.items():
        if pid in descendants:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
        os.close(handle)


def _read_parent(entry: Path) -> int:
    """0 for what is no process, or has ended."""
    if not entry.name.isdigit():
        return 0
    try:
        # The command may hold spaces and parentheses, so fields are counted from the last one: state, then parent.
        state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return 0
    return 0 if state in "ZX" else int(parent)

"""Other programs, bounded: in time, in what they may write, and in what of their words is kept."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KEPT = 1024**2
"""Characters of what a program says; the rest of a flood is cut."""
_inherited: list[int] = []


@dataclass(frozen=True)
class Done:
    code: int
    output: str
    said: str
    """On standard error; where the program did not end in time, that it did not."""

    @property
    def is_late(self) -> bool:
        return self.code == -signal.SIGALRM


def keep_open(descriptor: int) -> None:
    """Every program that is started from now on has it too: a lock outlives a killed run for as long as anything that
    the run had started is at work."""
    _inherited.append(descriptor)


def run(
    argv: Sequence[str], seconds: float, *, env: Mapping[str, str], cwd: Path | None = None, largest: int = 0
) -> Done:
    """``largest`` is the size in bytes of a file that it may write. Programs that it starts are of its session, and
    end with it."""
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(env), cwd=cwd,
        start_new_session=True, pass_fds=_inherited, preexec_fn=_limit(largest), encoding="utf-8", errors="replace",
    ) as process:  # fmt: skip
        try:
            output, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _kill(process.pid)
            process.communicate()
            return Done(-signal.SIGALRM, "", f"{argv[0]} did not end within {seconds:.0f} s")
        except BaseException:
            _kill(process.pid)
            raise
    return Done(process.returncode, output, said[-_KEPT:])


def _limit(largest: int) -> Callable[[], None] | None:
    if not largest:
        return None

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return limit


def _kill(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return

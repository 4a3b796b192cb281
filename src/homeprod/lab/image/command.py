"""Programs that make images: run with their own words as progress, ended when we are."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence

from homeprod.core.errors import LabError

Progress = Callable[[str], None]
_KEPT_LINES = 12
_PATIENCE = 30
"""Seconds that a program gets to clean up after itself (mmdebstrap unmounts) before it is killed."""


def run_command(argv: Sequence[str], on_line: Progress | None = None, *, given: str = "") -> None:
    """Run a program to its end; ``given`` is its standard input, each line it prints goes to ``on_line``.

    Raises LabError with the end of its output when it fails or is not there.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed", hint="run make setup, which installs it") from error
    with process:
        try:
            tail = _feed(process, given, on_line)
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise LabError(f"{argv[0]} failed with status {process.returncode}", hint="\n".join(tail))


def _feed(process: subprocess.Popen[str], given: str, on_line: Progress | None) -> deque[str]:
    assert process.stdin is not None  # noqa: S101 (both are pipes, for the type checker)
    assert process.stdout is not None  # noqa: S101
    tail: deque[str] = deque(maxlen=_KEPT_LINES)
    with process.stdin:
        process.stdin.write(given)
    for line in process.stdout:
        tail.append(line.rstrip())
        if on_line is not None and line.strip():
            on_line(line.strip())
    return tail


def _end(process: subprocess.Popen[str]) -> None:
    """The whole group: mmdebstrap itself ignores SIGTERM, and leaves it to the worker that it started."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)

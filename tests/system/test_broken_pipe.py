"""Whoever read the output went away, as ``| head`` does: no traceback, and what was begun is done."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.system.site_lab import SiteLab

PEGASUS = Path(__file__).parents[2] / "examples" / "pegasus"
COMMAND = [sys.executable, "-m", "homeprod", "--site"]


def _broken_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_results_that_nobody_reads_are_no_traceback(unbuffered: str) -> None:
    pipe = _broken_pipe()
    try:
        done = subprocess.run(
            [*COMMAND, str(PEGASUS), "addresses"],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(pipe)
    assert (done.returncode, done.stderr) == (1, "")


def _full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def _closed_terminal() -> int:
    """As a window that was closed, or a connection that broke, leaves behind."""
    person, terminal = pty.openpty()
    os.close(person)
    return terminal


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("make", [_broken_pipe, _full_disk, _closed_terminal])
def test_an_apply_goes_on_when_nobody_reads_how(site_lab: SiteLab, make: Callable[[], int], stream: str) -> None:
    lost = make()
    streams: dict[str, int] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: lost}
    try:
        done = subprocess.run(
            [*COMMAND, str(site_lab.root), "apply", "--json", "--yes", "--no-wait", "--only", "lab-coder"],
            env={**os.environ, **site_lab.env},
            **streams,  # type: ignore[call-overload]
            timeout=60,
            check=False,
        )
    finally:
        os.close(lost)
    assert done.returncode == 0
    assert site_lab.actions("--only", "lab-coder") == []


def test_an_error_that_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    pipe = _broken_pipe()
    try:
        done = subprocess.run(
            [*COMMAND, str(tmp_path), "plan", "--json"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(pipe)
    assert done.returncode == 64
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr

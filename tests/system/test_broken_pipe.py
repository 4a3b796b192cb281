"""Whoever read the output went away, as ``| head`` does: no traceback, and what was begun is done."""

from __future__ import annotations

import os
import subprocess
import sys
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


def test_an_apply_goes_on_when_nobody_reads_how(site_lab: SiteLab) -> None:
    pipe = _broken_pipe()
    try:
        done = subprocess.run(
            [*COMMAND, str(site_lab.root), "apply", "--yes", "--no-wait", "--only", "lab-coder"],
            env={**os.environ, **site_lab.env},
            stdout=subprocess.DEVNULL,
            stderr=pipe,
            timeout=60,
            check=False,
        )
    finally:
        os.close(pipe)
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

"""Terraform as a peer: its core in a process of its own, planning when it is told to."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.setting.figure import Runner

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
"""Made by `make bench` with what setup/bench-requirements.txt names."""
NAME = "Terraform's core planning trivial resources"


@contextmanager
def run_terraform(size: int, python: Path = PYTHON) -> Iterator[tuple[str, Runner]]:
    """Terraform's version, and what makes it plan as many resources once; applied before, which takes a while."""
    command = [str(python), str(ROOT / "bench" / "setting" / "terraform.py"), str(size)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as terraform:
        sent, given = terraform.stdin, terraform.stdout
        assert sent is not None
        assert given is not None

        def plan() -> object:
            sent.write("plan\n")
            sent.flush()
            return float(given.readline())

        try:
            yield given.readline().strip(), plan
        finally:
            terraform.communicate()

"""A running nginx, known by the pid file that its configuration names."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

LIMIT = 30.0
"""Seconds for what nginx or systemd is asked to do."""
PAUSE = 0.05


class ServerError(Exception):
    """nginx does not do what it was told; in its own words."""


class Server:
    """``file`` is its configuration, ``start`` the command that starts it where it does not run; in ``limit`` seconds
    it has to be done with what it is told."""

    def __init__(self, file: Path, start: Sequence[str], program: str = "nginx", limit: float = LIMIT) -> None:
        self.file, self._start, self._program, self._limit = file, tuple(start), program, limit

    def test(self, file: Path) -> None:
        """Raises ServerError for a configuration that nginx does not take."""
        done = _run((self._program, "-t", "-q", "-c", str(file), "-e", "stderr"))
        if done.returncode:
            raise ServerError(done.stderr.strip() or f"nginx -t ended with {done.returncode}")

    def find_master(self) -> int | None:
        """Its process, None where it does not run."""
        try:
            pid = int(self._find_pid_file().read_text(encoding="ascii"))
            is_master = b"nginx: master process" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if is_master else None

    def take_over(self) -> None:
        """Have the configuration that is in place served: reload, or start. Raises ServerError where it is not."""
        master = self.find_master()
        if master is None:
            self._run_start()
            return
        before = set(list_workers(master))
        os.kill(master, signal.SIGHUP)
        deadline = time.monotonic() + self._limit
        while not (now := set(list_workers(master))) or now & before:
            if not Path(f"/proc/{master}").exists():
                raise ServerError("nginx ended while it reloaded")
            if time.monotonic() > deadline:
                raise ServerError("nginx did not take the new configuration over; its error log says why")
            time.sleep(PAUSE)

    def _run_start(self) -> None:
        done = _run(self._start)
        if done.returncode:
            raise ServerError(f"nginx does not start: {done.stderr.strip()}")
        deadline = time.monotonic() + self._limit
        while (master := self.find_master()) is None or not list_workers(master):
            if time.monotonic() > deadline:
                raise ServerError("nginx was started and does not run")
            time.sleep(PAUSE)

    def _find_pid_file(self) -> Path:
        found = re.search(r"^\s*pid\s+([^;\s]+)\s*;", self.file.read_text(encoding="utf-8"), re.MULTILINE)
        return Path(found[1]) if found else Path("/run/nginx.pid")


def list_workers(master: int) -> list[int]:
    """Those that take connections; one that only ends its old ones is left out."""
    children = Path(f"/proc/{master}/task/{master}/children")
    try:
        return [pid for pid in map(int, children.read_text(encoding="ascii").split()) if _is_at_work(pid)]
    except OSError:
        return []


def _is_at_work(pid: int) -> bool:
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"worker process" in title and b"shutting down" not in title


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"{argv[0]}: {error}") from error

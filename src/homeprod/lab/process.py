"""Processes that outlive whoever started them, known by more than a number.

A process id alone is never trusted: the kernel hands it out again. With the start time and the boot that it was
counted in, it names one process for good.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """``start_time`` in clock ticks since the boot named ``boot``, as /proc/PID/stat gives it (proc(5))."""

    pid: int
    start_time: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessMark | None:
        """The mark of a living process, None when there is none (a zombie is none)."""
        start_time = _read_start_time(pid)
        return None if start_time is None else cls(pid, start_time, _read_boot())

    @classmethod
    def read(cls, file: Path) -> ProcessMark | None:
        """None for a file that is missing or cut short: then nothing is known, and nothing is claimed."""
        try:
            data = json.loads(file.read_text())
            return cls(int(data["pid"]), int(data["start_time"]), str(data["boot"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, file: Path) -> None:
        temporary = file.with_name(f".{file.name}.tmp")
        temporary.write_text(json.dumps(asdict(self)) + "\n")
        os.replace(temporary, file)  # noqa: PTH105 (atomic by intent, and named so)

    def is_alive(self) -> bool:
        return _read_start_time(self.pid) == self.start_time and _read_boot() == self.boot

    def send(self, number: signal.Signals) -> bool:
        """Signal this very process; False when it is gone. The pidfd closes the gap between looking and sending."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.is_alive():
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    def wait(self, timeout: float) -> bool:
        """Whether the process ended within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while self.is_alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def end(self, patience: float = 5.0) -> None:
        """SIGTERM, then SIGKILL after ``patience`` seconds; returns when the process is gone."""
        if self.send(signal.SIGTERM) and not self.wait(patience):
            self.send(signal.SIGKILL)
            self.wait(patience)

    @property
    def age(self) -> float:
        """Seconds since the process started."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_time / _TICKS)

    @property
    def memory(self) -> int:
        """Resident bytes, 0 when the process is gone."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0


def spawn_module(module: str, arguments: Sequence[str], output: Path) -> ProcessMark | None:
    """Run ``python -m module`` apart from this process: it goes on when this one ends, and a Ctrl-C here is not for
    it. What it says is appended to ``output``. None when it ended at once."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # -P: the folder that a person happens to stand in is no place to import from.
    argv = [sys.executable, "-P", "-m", module, *arguments]
    return ProcessMark.of(
        os.posix_spawn(sys.executable, argv, _plain_environment(), file_actions=actions, setsid=True)
    )


_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "PYTHONPATH",
    "PYTHONWARNINGS", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
)  # fmt: skip


def _plain_environment() -> dict[str, str]:
    """Only what such a process needs: it lives long, and a token in the caller's environment is not its business."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def reap(mark: ProcessMark) -> None:
    """Let go of an ended process if it was a child of this one."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(mark.pid, os.WNOHANG)


def _read_start_time(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command may hold spaces and parentheses, so fields are counted from the last one: state, then ppid …
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _read_boot() -> str:
    return _BOOT_ID.read_text().strip()

"""Tasks of Proxmox: waiting for their end, with their own words on the way."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

from homeprod.core.errors import ProxmoxError, TransientError
from homeprod.drivers.proxmox.activity import Activity
from homeprod.drivers.proxmox.transport.connection import Connection, join_path
from homeprod.drivers.proxmox.transport.refusal import explain_words
from homeprod.engine.ports import Task

ExitKind = Literal["ok", "warning", "unknown", "error"]
PAGE = 500
"""Lines of a log asked for at once (Proxmox's own default is 50)."""
LISTEN_EVERY = 1.0
"""Seconds between two looks into the log of a task that runs."""
LAST_LINES = 5
"""Lines of the log shown with a failure."""


def classify_exit(text: str) -> ExitKind:
    """What a task's exit status means (PVE::Tools, upid_normalize_status_type)."""
    if text == "OK":
        return "ok"
    if re.fullmatch(r"WARNINGS: \d+", text):
        return "warning"
    return "unknown" if text in {"", "unexpected status"} else "error"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a task is asked: ``first`` seconds, half as long again each time, up to ``longest``. ``failures`` is
    how many transient errors in a row are survived; ``clock`` and ``sleep`` are for tests."""

    first: float = 0.05
    growth: float = 1.5
    longest: float = 1.0
    failures: int = 30
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class TaskWatch:
    """One wait for one task."""

    connection: Connection
    task: Task
    on_line: Callable[[str], None] | None
    timeout: float
    pace: Pace = field(default_factory=Pace)
    activity: Activity | None = None
    """What is shared with those who wait for other tasks of the node."""
    _begun: float = field(init=False)
    _said: float = field(init=False)
    _seen: int = 0
    _tail: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begun = self._said = self.pace.clock()

    def run(self) -> None:
        """Raises as ``Hypervisor.wait`` does."""
        with self.activity.wait_for(self.task) if self.activity is not None else nullcontext():
            self._run()

    def _run(self) -> None:
        deadline = self._begun + self.timeout
        interval, failures = self.pace.first, 0
        while True:
            try:
                status = self._look()
                failures = 0
            except TransientError as error:
                failures += 1
                if failures > self.pace.failures:
                    error.message += f" ({failures} times in a row, while waiting for the task)"
                    raise
                status = None
            if status is not None:
                return self._finish(status)
            if self.pace.clock() >= deadline:
                raise self._explain_timeout()
            self.pace.sleep(interval)
            interval = min(self.pace.longest, interval * self.pace.growth)

    def _look(self) -> str | None:
        """The exit status; None while it runs. What it says meanwhile is read now and then, and at its end."""
        is_active = self.activity is not None and self.activity.shows(self.task, self._begun)
        status = None if is_active else self._read_status()
        now = self.pace.clock()
        if self.on_line is not None and (status is not None or now - self._said >= LISTEN_EVERY):
            self._read_log()
            self._said = now
        return status

    @property
    def _path(self) -> str:
        return join_path("nodes", self.task.node, "tasks", self.task.upid)

    def _read_status(self) -> str | None:
        """The exit status; None while it runs."""
        answer = self.connection.get(f"{self._path}/status")
        return str(answer.get("exitstatus") or "") if answer["status"] == "stopped" else None

    def _read_log(self) -> None:
        while True:
            lines = self.connection.get(f"{self._path}/log", start=self._seen, limit=PAGE)
            # A log without lines yet is given as one line that says so, numbered like a real one.
            texts = [str(line.get("t") or "") for line in lines if line.get("t") != "no content"]
            self._seen += len(texts)
            self._tail = [*self._tail, *texts][-LAST_LINES:]
            for text in texts:
                if self.on_line is not None:
                    self.on_line(text)
            if len(lines) < PAGE:
                return

    def _finish(self, status: str) -> None:
        kind = classify_exit(status)
        if kind in {"ok", "warning"}:
            return
        if self.on_line is None:
            try:
                self._read_log()
            except ProxmoxError:
                self._tail = ["(the log could not be read)"]
        words = status if kind == "error" else f"the task ended without saying how ({status or 'no status'})"
        error = explain_words(words, self._name)
        tail = [line for line in self._tail if line and words not in line]
        if tail:
            error.message += "".join(f"\n  | {line}" for line in tail)
        raise error

    @property
    def _name(self) -> str:
        parts = self.task.upid.split(":")
        return f"task {parts[5]} {parts[6]}".strip() if len(parts) > 6 else f"task {self.task.upid}"

    def _explain_timeout(self) -> ProxmoxError:
        return ProxmoxError(
            f"not finished after {self.timeout:g} s; it still runs",
            where=self._name,
            hint=f"look at it with `pvenode task log {self.task.upid}` on the node",
        )

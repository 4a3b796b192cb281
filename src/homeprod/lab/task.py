"""Tasks as Proxmox runs them: a UPID at once, the work behind it, a log, an exit status.

Ended tasks are kept in a journal (one JSON line each), so a restarted lab still answers for them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.core.errors import HomeprodError
from homeprod.lab.api.error import ApiError

_log = logging.getLogger(__name__)
UNEXPECTED = "unexpected status"
"""Proxmox's words for a task that ended without saying how."""
KEPT = 2000
"""Ended tasks that survive a restart, the newest ones."""


@dataclass(slots=True)
class Task:
    """``pid`` and ``pstart`` are only numbers that make the UPID unique. Times in seconds since the epoch."""

    upid: str
    node: str
    kind: str
    id: str
    user: str
    pid: int
    pstart: int
    starttime: int
    log: list[str] = field(default_factory=list)
    exitstatus: str | None = None
    endtime: int | None = None
    warnings: int = 0

    @property
    def is_running(self) -> bool:
        return self.exitstatus is None

    def say(self, line: str) -> None:
        self.log.append(line)

    def warn(self, text: str) -> None:
        self.warnings += 1
        self.log.append(f"WARN: {text}")

    def end(self, status: str) -> None:
        self.exitstatus = status
        self.endtime = int(time.time())
        self.log.append(f"TASK {status}" if status == "OK" or self.warnings else f"TASK ERROR: {status}")


def _line(task: Task) -> str:
    return json.dumps({name: getattr(task, name) for name in Task.__slots__}) + "\n"


Work = Callable[[Task], Awaitable[None]]


class TaskLog:
    """Starts tasks and remembers them."""

    def __init__(self, file: Path, seconds: Mapping[str, float], workers: int = 0) -> None:
        """``seconds`` by kind of task; ``workers`` tasks at once on a node, 0 for all."""
        self._file = file
        self._seconds = seconds
        self._workplaces: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(workers or sys.maxsize)
        )
        self._tasks: dict[str, Task] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._next_pid = 0x7000
        self._boot = time.time() - 86_400
        if file.exists():
            self._read()

    def _read(self) -> None:
        for line in self._file.read_text().splitlines():
            try:
                task = Task(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self._tasks[task.upid] = task
            self._next_pid = max(self._next_pid, task.pid)
        for task in self._tasks.values():
            if task.is_running:
                task.exitstatus = UNEXPECTED
                task.endtime = task.starttime
        self._tasks = dict(list(self._tasks.items())[-KEPT:])
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text("".join(_line(task) for task in self._tasks.values()))
        os.replace(temporary, self._file)  # noqa: PTH105 (atomic by intent, and named so)

    def _append(self, task: Task) -> None:
        with self._file.open("a") as journal:
            journal.write(_line(task))

    def find(self, upid: str) -> Task | None:
        return self._tasks.get(upid)

    def list_tasks(self) -> list[Task]:
        """The newest first."""
        return list(reversed(self._tasks.values()))

    def list_running(self) -> list[Task]:
        """The newest first. Thousands that have ended are not looked at."""
        return [self._tasks[upid] for upid in reversed(self._workers)]

    def start(self, node: str, kind: str, task_id: str, user: str, work: Work) -> str:
        """Begin ``work`` and return its UPID. Its ApiErrors and errors become the task's exit status."""
        task = self._make(node, kind, task_id, user)
        self._append(task)
        self._tasks[task.upid] = task
        self._workers[task.upid] = asyncio.create_task(self._run(task, work))
        return task.upid

    def _make(self, node: str, kind: str, task_id: str, user: str) -> Task:
        self._next_pid += 1
        now = time.time()
        pstart = int((now - self._boot) * 100)
        upid = f"UPID:{node}:{self._next_pid:08X}:{pstart:08X}:{int(now):08X}:{kind}:{task_id}:{user}:"
        return Task(upid, node, kind, task_id, user, self._next_pid, pstart, int(now))

    async def _run(self, task: Task, work: Work) -> None:
        try:
            async with self._workplaces[task.node]:
                if delay := self._seconds.get(task.kind, 0):
                    await asyncio.sleep(delay)
                await work(task)
            task.end(f"WARNINGS: {task.warnings}" if task.warnings else "OK")
        except ApiError as error:
            task.warnings = 0
            task.end(error.message)
        except HomeprodError as error:
            task.warnings = 0
            task.end(error.message)
        except asyncio.CancelledError:
            task.warnings = 0
            task.say("received interrupt")
            task.end(UNEXPECTED)
        except Exception as error:  # noqa: BLE001 (a defect of the lab must end the task, not leave it running)
            _log.exception("task %s", task.upid)
            task.warnings = 0
            task.end(f"internal error of the lab: {type(error).__name__}: {error}")
        finally:
            self._workers.pop(task.upid, None)
            self._append(task)

    def stop(self, upid: str) -> None:
        worker = self._workers.get(upid)
        if worker is not None:
            worker.cancel()

    def stop_all(self, kind: str, task_id: str) -> None:
        """Stop the running tasks of one kind on one thing."""
        for upid in list(self._workers):
            task = self._tasks[upid]
            if (task.kind, task.id) == (kind, task_id):
                self.stop(upid)

    async def wait(self, upid: str) -> Task:
        """Wait for a task's end. For the lab's own use and for tests."""
        worker = self._workers.get(upid)
        if worker is not None:
            await asyncio.wait([worker])
        return self._tasks[upid]

    async def close(self) -> None:
        """Stop what still runs, as a shutdown of the hypervisor would."""
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers)

"""Activity: which tasks a node works on, read once for all who wait for one.

Many waits would otherwise each ask about their own task many times a second. ``GET /nodes/N/tasks?source=active`` is
one of the calls that Proxmox answers at once; a task's own status takes an extra hop (facts: reads).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from homeprod.core.errors import ProxmoxError, TransientError
from homeprod.drivers.proxmox.transport.connection import Connection, join_path
from homeprod.engine.ports import Task

FEW = 3
"""So many waits or less ask for themselves: the list would cost more."""
FRESH = 0.1
"""Seconds that one answer serves all."""
QUIET = 10.0
"""Seconds after a failure in which each wait asks for its own: one after the other, many would take hours to see that
a node is gone."""
PAGE = 500
"""Tasks asked for at once; what a longer list leaves out is asked for by itself."""


@dataclass
class _Node:
    waits: int = 0
    read_at: float = float("-inf")
    running: frozenset[str] = frozenset()
    failed_at: float = float("-inf")
    is_readable: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)


class Activity:
    """Shared by all threads that wait on one cluster. ``clock`` is monotonic, in seconds."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._clock = connection, clock
        self._nodes: dict[str, _Node] = {}
        self._lock = threading.Lock()

    @contextmanager
    def wait_for(self, task: Task) -> Iterator[None]:
        """While somebody waits for it, it counts among those that the node is asked about."""
        with self._lock:
            node = self._nodes.setdefault(task.node, _Node())
            node.waits += 1
        try:
            yield
        finally:
            with self._lock:
                node.waits -= 1

    def shows(self, task: Task, begun: float) -> bool:
        """Whether the task runs, by a list read since it was ``begun``; false also where the list cannot tell, so
        that the task itself is to be asked. Raises TransientError."""
        node = self._nodes[task.node]
        if node.waits <= FEW or not node.is_readable:
            return False
        with node.lock:
            if self._clock() - node.failed_at < QUIET:
                return False
            if self._clock() - node.read_at < FRESH:
                # It was begun since, and is too young to be worth a list of its own.
                return node.read_at < begun or task.upid in node.running
            self._read(task.node, node)
            return task.upid in node.running

    def _read(self, name: str, node: _Node) -> None:
        now = self._clock()
        try:
            answer = self._connection.get(join_path("nodes", name, "tasks"), source="active", limit=PAGE)
        except TransientError:
            node.failed_at = self._clock()
            raise
        except ProxmoxError:  # not for us to see: each wait asks for its own
            node.is_readable, node.running = False, frozenset()
            return
        # Proxmox keeps some that have ended on that list for a while, with their end.
        node.running = frozenset(str(entry["upid"]) for entry in answer if not entry.get("endtime"))
        node.read_at = now

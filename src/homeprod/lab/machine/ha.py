"""Machines that HA keeps: a call only asks for a state, its task ends at once, and the manager brings it about later.

The lab has no HA manager: whoever drives the lab says which machines are kept (``Hypervisor.ha``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from homeprod.lab.api.error import ApiError
from homeprod.lab.task import Task, TaskLog

MANAGER = "root@pam"


@dataclass(slots=True)
class HighAvailability:
    """``managed`` are the VMIDs that it keeps, ``seconds`` what its manager takes to act (Proxmox's looks every
    ten)."""

    managed: set[int] = field(default_factory=set)
    seconds: float = 10.0
    _coming: set[asyncio.Task[None]] = field(default_factory=set)

    def request(
        self, tasks: TaskLog, node: str, vmid: int, user: str, verb: str, work: Callable[[Task], Awaitable[None]]
    ) -> str:
        """The UPID of the task that only asks (``hastart``). The work is done later, by a task of the manager's."""

        async def ask(task: Task) -> None:
            task.say(f"Requesting HA {verb} for VM {vmid}")
            coming = asyncio.create_task(self._act(tasks, node, vmid, verb, work))
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)

        return tasks.start(node, f"ha{verb}", str(vmid), user, ask)

    async def _act(
        self, tasks: TaskLog, node: str, vmid: int, verb: str, work: Callable[[Task], Awaitable[None]]
    ) -> None:
        await asyncio.sleep(self.seconds)
        tasks.start(node, f"qm{verb}", str(vmid), MANAGER, work)

    def check_removal(self, vmid: int, *, purges: bool) -> None:
        """Raises ApiError in Proxmox's words."""
        if vmid in self.managed and not purges:
            raise ApiError(f"unable to remove VM {vmid} - used in HA resources and purge parameter not set.")

    async def close(self) -> None:
        for coming in set(self._coming):
            coming.cancel()
        await asyncio.gather(*self._coming, return_exceptions=True)

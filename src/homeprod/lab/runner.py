"""The runner of a lab that boots nothing: machines show as running and have no guest agent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeprod.lab.ports import AgentNotRunningError, StartOrder


class NoBootRunner:
    """A GuestRunner (``lab/ports.py``). Which machines run is kept in ``folder`` (one empty file each), so that a
    restarted lab, like a restarted daemon beside living QEMU processes, finds them running still."""

    can_plug = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._running: dict[int, StartOrder | None] = {int(file.name): None for file in folder.iterdir()}

    async def start(self, order: StartOrder) -> int:
        (self._folder / str(order.vmid)).touch()
        self._running[order.vmid] = order
        return 0

    async def stop(self, vmid: int) -> None:
        self._running.pop(vmid, None)
        (self._folder / str(vmid)).unlink(missing_ok=True)

    async def shutdown(self, vmid: int, timeout: float) -> bool:  # noqa: ARG002 (the seam's signature)
        await self.stop(vmid)
        return True

    async def reset(self, vmid: int) -> None:
        """Nothing runs, so nothing is reset."""

    def is_running(self, vmid: int) -> bool:
        return vmid in self._running

    def pid(self, vmid: int) -> int:  # noqa: ARG002 (the seam's signature)
        return 0

    async def grow_disk(self, vmid: int, slot: str, size: int) -> None:
        """The API grows the volume itself in a lab that boots nothing."""

    async def change_cdrom(self, vmid: int, slot: str, path: Path | None) -> None:
        """Nobody reads the CD."""

    async def call_agent(self, vmid: int, command: str, arguments: Mapping[str, Any]) -> Any:
        raise AgentNotRunningError(f"{command} of {vmid} with {len(arguments)} arguments")

    async def close(self) -> None:
        """Nothing is held."""

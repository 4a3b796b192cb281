"""The lab's two inner seams: where volumes live, and what runs machines.

The API room (``lab/api``) speaks to these alone, so that ``--no-boot`` and booted labs differ in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class DriveFile:
    """A drive of a machine about to start: its slot (``scsi0``, ``ide2``), file and format (``raw``, ``qcow2``),
    Proxmox's own options for it, and whether it is a CD."""

    slot: str
    path: Path
    format: str
    is_cdrom: bool
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StartOrder:
    """All that a runner needs to run one machine: its configuration as stored (Proxmox's keys and texts) and its
    drives as files."""

    vmid: int
    name: str
    config: Mapping[str, str]
    drives: tuple[DriveFile, ...]


class AgentNotRunningError(Exception):
    """The guest agent does not answer (Proxmox's words: ``QEMU guest agent is not running``)."""


class GuestRunner(Protocol):
    """Runs machines. One for real QEMU processes, one (``--no-boot``) that only remembers."""

    can_plug: bool
    """Whether disks and cards can be plugged into a running machine."""

    async def start(self, order: StartOrder) -> int:
        """Start the machine and return its process id (0 where there is none). Raises LabError."""

    async def stop(self, vmid: int) -> None:
        """Pull the plug. Returns when the process is gone."""

    async def shutdown(self, vmid: int, timeout: float) -> bool:
        """Ask the guest to power off (agent if it answers, else ACPI); whether it did within ``timeout`` seconds."""

    async def reset(self, vmid: int) -> None: ...

    def is_running(self, vmid: int) -> bool: ...

    def pid(self, vmid: int) -> int: ...

    async def grow_disk(self, vmid: int, slot: str, size: int) -> None:
        """Tell a running machine that its drive now has ``size`` bytes (QEMU, holding the file, grows it)."""

    async def change_cdrom(self, vmid: int, slot: str, path: Path | None) -> None:
        """Swap the CD of a running machine."""

    async def call_agent(self, vmid: int, command: str, arguments: Mapping[str, Any]) -> Any:
        """One guest-agent command (``guest-ping``, ``guest-file-read`` …) and its ``return``. Raises
        AgentNotRunningError, or LabError with the agent's own words."""

    async def close(self) -> None:
        """Leave running machines running; let go of what this process holds."""


class VolumeStore(Protocol):
    """Files behind volume ids. ``volume`` is ``STORAGE:NAME`` in Proxmox's own form; sizes in bytes."""

    def path(self, volume: str) -> Path: ...
    def format(self, volume: str) -> str:
        """Format of the file that stands behind the volume, which need not be the one Proxmox shows."""

    async def create(self, volume: str, size: int) -> None: ...
    async def import_from(self, volume: str, source: Path) -> int:
        """Fill a new volume with the content of a disk image; the volume's size."""

    async def grow(self, volume: str, size: int) -> None: ...
    async def size(self, volume: str) -> int: ...
    async def delete(self, volume: str) -> None: ...

"""What the engine needs from the outside, as Protocols; ``drivers/`` gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from homeprod.plan.actual import MachineConfig, Resources, Version, Volume
from homeprod.plan.config import Config
from homeprod.plan.record import TaskRecord

Permissions = Mapping[str, frozenset[str]]
"""Path of the access tree (``/``, ``/vms/100``, ``/storage/local``) to the privileges held there."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task of Proxmox, named by its UPID."""

    upid: str
    node: str

    @property
    def kind(self) -> str:
        """Proxmox's word for what it does: ``qmcreate``."""
        parts = self.upid.split(":")
        return parts[5] if len(parts) > 5 else ""


@dataclass(frozen=True, slots=True)
class ActiveTask:
    """A task that runs now. ``kind`` is Proxmox's own word (``qmcreate``, ``download``), ``about`` the VMID or file
    that it works on; ``is_own`` where this very credential began it."""

    task: Task
    kind: str
    about: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Ring:
    """Says to a control node that a machine is there. ``instance`` tells its lives apart; ``host_keys`` are lines as
    in ssh_host_ed25519_key.pub."""

    host: str
    instance: str
    host_keys: tuple[str, ...]


class Bell(Protocol):
    """The doors of the site's control nodes. Safe for use by several threads at once."""

    def ring(self, node: str, ring: Ring, say: Callable[[str], None]) -> str:
        """Ring at the control node of that name. Why the host waits there (it is locked, or does not answer), or
        nothing where the ring was accepted for good. Raises HomeprodError where repeating it will not help."""


class Hypervisor(Protocol):
    """A Proxmox VE cluster. Safe for use by several threads at once.

    Every verb raises :class:`~homeprod.core.errors.ProxmoxError` or one of its kinds. A verb that returns a Task
    has only begun the work; ``wait`` ends it. A Task of None means that it was done at once.
    """

    @property
    def api_calls(self) -> int:
        """HTTP requests sent so far, retries included."""

    def read_version(self) -> Version: ...
    def read_permissions(self) -> Permissions: ...
    def read_resources(self) -> Resources: ...
    def read_machine(self, node: str, vmid: int) -> MachineConfig: ...
    def read_machines(self, machines: Sequence[tuple[str, int]]) -> Mapping[int, MachineConfig | None]:
        """Many at once, each by its node and VMID; None for one that is not there. One call a machine."""

    def read_status(self, node: str, vmid: int) -> str:
        """``running`` or ``stopped``, fresh (``status/current``)."""

    def read_tasks(
        self, node: str, *, vmid: int | None = None, errors: bool = False, start: int = 0, limit: int = 50
    ) -> Sequence[TaskRecord]:
        """A page of the node's own task log, the newest first, what runs now at its head: of one VMID, or of all;
        with ``errors`` only what did not end well. Whoever lacks Sys.Audit there is given their own tasks alone."""

    def read_content(self, node: str, storage: str) -> Sequence[Volume]: ...
    def create_machine(self, node: str, vmid: int, config: Config) -> Task: ...
    def change_machine(
        self, node: str, vmid: int, config: Config, *, delete: Sequence[str] = (), digest: str = ""
    ) -> Task | None: ...
    def grow_disk(self, node: str, vmid: int, slot: str, size: int) -> Task | None:
        """Grow to ``size`` bytes in all; Proxmox refuses to shrink."""

    def give_disk(self, node: str, vmid: int, slot: str, *, to: int, as_slot: str, digest: str = "") -> Task:
        """Hand a stopped machine's disk to another machine of the node: its volume gets that one's name."""

    def start_machine(self, node: str, vmid: int) -> Task: ...
    def shutdown_machine(self, node: str, vmid: int, *, timeout: int) -> Task: ...
    def stop_machine(self, node: str, vmid: int) -> Task: ...
    def destroy_machine(self, node: str, vmid: int, *, purge: bool = True) -> Task:
        """With the volumes that it owns; with ``purge`` its entries in backup jobs, replication and HA go too."""

    def fetch_image(
        self, node: str, storage: str, filename: str, url: str, *, content: str, checksum: str, algorithm: str
    ) -> Task:
        """Have the hypervisor itself download ``url``; it refuses a file whose checksum differs."""

    def upload(
        self, node: str, storage: str, filename: str, file: Path | bytes, *, content: str, checksum: str = ""
    ) -> Task:
        """Send a file (``checksum`` is a sha256, checked by the hypervisor). An existing one is overwritten."""

    def delete_volume(self, node: str, volume: str) -> Task | None: ...
    def ping_agent(self, node: str, vmid: int) -> bool:
        """Whether the guest agent answers now."""

    def read_guest_file(self, node: str, vmid: int, path: str) -> str | None:
        """A small file of the guest through its agent; None where the agent or the file is not there (yet)."""

    def wait(self, task: Task, *, on_line: Callable[[str], None] | None = None, timeout: float = 3600) -> None:
        """Wait for the task's end, handing on each new line of its log. Raises ProxmoxError with the task's own
        words and its last lines if it failed; ``WARNINGS: n`` is success."""

    def read_active_tasks(self, node: str) -> Sequence[ActiveTask]:
        """The tasks that run on the node now, as far as the credential may see them."""

    def read_pools(self) -> Mapping[str, str]:
        """Each resource pool's comment by its name, as far as the credential may see them."""

    def create_pool(self, name: str, comment: str) -> None:
        """Make an empty one; of several callers at once Proxmox serves one, and refuses the others."""

    def change_pool(self, name: str, comment: str) -> None: ...
    def delete_pool(self, name: str) -> None: ...
    def close(self) -> None: ...

"""GuardedHypervisor: a hypervisor whose every write is preceded by a check. Reads are free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from homeprod.engine.ports import ActiveTask, Hypervisor, Permissions, Task
from homeprod.plan.actual import MachineConfig, Resources, Version, Volume
from homeprod.plan.config import Config
from homeprod.plan.record import TaskRecord


class GuardedHypervisor:
    """Implements :class:`homeprod.engine.ports.Hypervisor`; a verb that is new there must be put here, and a test
    sees to it that it is guarded unless it only reads. ``check`` raises where nothing may be written."""

    def __init__(self, hypervisor: Hypervisor, check: Callable[[], None]) -> None:
        self._plain, self._check = hypervisor, check

    @property
    def _checked(self) -> Hypervisor:
        self._check()
        return self._plain

    # --- reads -------------------------------------------------------------------------------------------------

    @property
    def api_calls(self) -> int:
        return self._plain.api_calls

    def read_version(self) -> Version:
        return self._plain.read_version()

    def read_permissions(self) -> Permissions:
        return self._plain.read_permissions()

    def read_resources(self) -> Resources:
        return self._plain.read_resources()

    def read_machine(self, node: str, vmid: int) -> MachineConfig:
        return self._plain.read_machine(node, vmid)

    def read_machines(self, machines: Sequence[tuple[str, int]]) -> Mapping[int, MachineConfig | None]:
        return self._plain.read_machines(machines)

    def read_status(self, node: str, vmid: int) -> str:
        return self._plain.read_status(node, vmid)

    def read_content(self, node: str, storage: str) -> Sequence[Volume]:
        return self._plain.read_content(node, storage)

    def ping_agent(self, node: str, vmid: int) -> bool:
        return self._plain.ping_agent(node, vmid)

    def read_guest_file(self, node: str, vmid: int, path: str) -> str | None:
        return self._plain.read_guest_file(node, vmid, path)

    def wait(self, task: Task, *, on_line: Callable[[str], None] | None = None, timeout: float = 3600) -> None:
        self._plain.wait(task, on_line=on_line, timeout=timeout)

    def read_active_tasks(self, node: str) -> Sequence[ActiveTask]:
        return self._plain.read_active_tasks(node)

    def read_tasks(
        self, node: str, *, vmid: int | None = None, errors: bool = False, start: int = 0, limit: int = 50
    ) -> Sequence[TaskRecord]:
        return self._plain.read_tasks(node, vmid=vmid, errors=errors, start=start, limit=limit)

    def read_pools(self) -> Mapping[str, str]:
        return self._plain.read_pools()

    def close(self) -> None:
        self._plain.close()

    # --- writes ------------------------------------------------------------------------------------------------

    def create_machine(self, node: str, vmid: int, config: Config) -> Task:
        return self._checked.create_machine(node, vmid, config)

    def change_machine(
        self, node: str, vmid: int, config: Config, *, delete: Sequence[str] = (), digest: str = ""
    ) -> Task | None:
        return self._checked.change_machine(node, vmid, config, delete=delete, digest=digest)

    def grow_disk(self, node: str, vmid: int, slot: str, size: int) -> Task | None:
        return self._checked.grow_disk(node, vmid, slot, size)

    def give_disk(self, node: str, vmid: int, slot: str, *, to: int, as_slot: str, digest: str = "") -> Task:
        return self._checked.give_disk(node, vmid, slot, to=to, as_slot=as_slot, digest=digest)

    def start_machine(self, node: str, vmid: int) -> Task:
        return self._checked.start_machine(node, vmid)

    def shutdown_machine(self, node: str, vmid: int, *, timeout: int) -> Task:
        return self._checked.shutdown_machine(node, vmid, timeout=timeout)

    def stop_machine(self, node: str, vmid: int) -> Task:
        return self._checked.stop_machine(node, vmid)

    def destroy_machine(self, node: str, vmid: int, *, purge: bool = True) -> Task:
        return self._checked.destroy_machine(node, vmid, purge=purge)

    def fetch_image(
        self, node: str, storage: str, filename: str, url: str, *, content: str, checksum: str, algorithm: str
    ) -> Task:
        return self._checked.fetch_image(
            node, storage, filename, url, content=content, checksum=checksum, algorithm=algorithm
        )

    def upload(
        self, node: str, storage: str, filename: str, file: Path | bytes, *, content: str, checksum: str = ""
    ) -> Task:
        return self._checked.upload(node, storage, filename, file, content=content, checksum=checksum)

    def delete_volume(self, node: str, volume: str) -> Task | None:
        return self._checked.delete_volume(node, volume)

    def create_pool(self, name: str, comment: str) -> None:
        self._checked.create_pool(name, comment)

    def change_pool(self, name: str, comment: str) -> None:
        self._checked.change_pool(name, comment)

    def delete_pool(self, name: str) -> None:
        self._checked.delete_pool(name)

"""What the driver suite runs against: a hypervisor, and where on it the tests may work."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from homeprod.core.errors import NotFoundError
from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.engine.ports import Task
from homeprod.plan.config import Config, Nic, Value

REAL = "HOMEPROD_TEST_"


@dataclass
class Target:
    """``vmids`` are free ones that the tests may use; ``disks`` and ``files`` are storages for disks and for files;
    ``can_serve`` whether it reaches a web server of the test's own machine. ``made`` is cleaned up at the end."""

    name: str
    hypervisor: ProxmoxHypervisor
    node: str
    vmids: Iterator[int]
    disks: str = "local-lvm"
    files: str = "local"
    bridge: str = "vmbr0"
    can_serve: bool = True
    made: list[int] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)

    def run(self, task: Task | None) -> None:
        if task is not None:
            self.hypervisor.wait(task, timeout=60)

    def nic(self, vmid: int) -> Nic:
        """A locally administered address, so that it meets no real card."""
        return Nic(
            "virtio", "02:00:" + ":".join(f"{vmid:08X}"[place : place + 2] for place in (0, 2, 4, 6)), self.bridge
        )

    def create(self, config: Mapping[str, Value] | None = None) -> int:
        """A stopped machine with this configuration; gone at the end of the test."""
        vmid = next(self.vmids)
        whole: Config = {"name": f"homeprod-test-{vmid}", "memory": 128, **(config or {})}
        task = self.hypervisor.create_machine(self.node, vmid, whole)
        self.made.append(vmid)
        self.run(task)
        return vmid

    def upload(self, filename: str, content: bytes, kind: str = "iso", checksum: str = "") -> str:
        """The id of the uploaded volume; gone at the end of the test."""
        task = self.hypervisor.upload(self.node, self.files, filename, content, content=kind, checksum=checksum)
        volume = f"{self.files}:{kind}/{filename}"
        self.uploaded.append(volume)
        self.run(task)
        return volume

    def list_volumes(self, storage: str) -> list[str]:
        return [volume.id for volume in self.hypervisor.read_content(self.node, storage)]

    def clean(self) -> None:
        """Consumers were made after owners: the last one first."""
        for vmid in reversed(self.made):
            self._destroy(vmid)
        for volume in self.uploaded:
            if volume in self.list_volumes(self.files):
                self.run(self.hypervisor.delete_volume(self.node, volume))
        self.hypervisor.close()

    def _destroy(self, vmid: int) -> None:
        try:
            machine = self.hypervisor.read_machine(self.node, vmid)
        except NotFoundError:
            return
        if self.hypervisor.read_status(self.node, vmid) == "running":
            self.run(self.hypervisor.stop_machine(self.node, vmid))
        if machine.config.get("protection"):
            self.run(self.hypervisor.change_machine(self.node, vmid, {"protection": False}))
        self.run(self.hypervisor.destroy_machine(self.node, vmid))


def open_target(url: str, token: str, ca_file: Path | str) -> ProxmoxHypervisor:
    return open_hypervisor(
        resolve_settings({"HOMEPROD_ENDPOINT": url, "HOMEPROD_TOKEN": token, "HOMEPROD_CA_FILE": str(ca_file)})
    )


def open_real() -> Target:
    """A real cluster, for who names one: HOMEPROD_TEST_ENDPOINT, _TOKEN, _NODE, _VMIDS (``900000-900099``, all of it
    free for the tests), and where the defaults do not fit _CA_FILE, _FINGERPRINT, _DISKS, _FILES, _BRIDGE."""
    env = {key.removeprefix(REAL): value for key, value in os.environ.items() if key.startswith(REAL)}
    lacking = [REAL + key for key in ("TOKEN", "NODE", "VMIDS") if key not in env]
    if lacking:
        pytest.fail(f"a real cluster is named, but not where the tests may work: set {' and '.join(lacking)}")
    first, _, last = env["VMIDS"].partition("-")
    kept = {f"HOMEPROD_{key}": env[key] for key in ("ENDPOINT", "TOKEN", "CA_FILE", "FINGERPRINT") if key in env}
    hypervisor = open_hypervisor(resolve_settings(kept))
    taken = {machine.vmid for machine in hypervisor.read_resources().machines}
    return Target(
        f"real {urlsplit(env['ENDPOINT']).hostname}",
        hypervisor,
        env["NODE"],
        (vmid for vmid in range(int(first), int(last) + 1) if vmid not in taken),
        env.get("DISKS", "local-lvm"),
        env.get("FILES", "local"),
        env.get("BRIDGE", "vmbr0"),
        can_serve=False,
    )

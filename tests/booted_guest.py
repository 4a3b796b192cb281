"""A machine with an operating system in a booted lab: made by the driver, entered by SSH inside the lab's network."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.drivers.booted_lab import GATEWAY, GATEWAY6, open_booted_lab
from tests.drivers.target import Target, open_target
from tests.lab_server import LabServer

from homeprod.cloudinit.datadisk import ERRORS_FILE
from homeprod.cloudinit.ending import RESULT_FILE, STATUS_FILE, Ending, read_ending
from homeprod.cloudinit.iso import build_iso, render_files
from homeprod.cloudinit.network import Card
from homeprod.cloudinit.userdata import Guest, User
from homeprod.core.sizes import GiB
from homeprod.lab.image.cache import ensure_image
from homeprod.lab.lan.network import Lan
from homeprod.plan.config import Agent, BootOrder, Drive, NewDrive, Nic, Value

IMAGE = "local:import/debian-13.qcow2"
MAC = "02:00:00:00:00:64"
ADDRESSES = ("192.0.2.100/24", "192.0.2.101/24", "2001:db8::64/64")
CARD = Card(MAC, ADDRESSES, (GATEWAY, GATEWAY6), (GATEWAY,), "home.example")
PATIENCE = 400
"""Seconds for a boot, on a machine that is busy with other things too."""


@dataclass(frozen=True)
class BootedGuest:
    """``vmid`` is the one machine at ``CARD``'s addresses; ``folder`` holds the key pair of its user ``admin``."""

    lab: LabServer
    target: Target
    folder: Path
    vmid: int = 100

    @property
    def user(self) -> User:
        return User("admin", ((self.folder / "key.pub").read_text().strip(),))

    def create(self, guest: Guest, drives: Mapping[str, Value]) -> None:
        """The machine, stopped. ``drives`` beside its own disk."""
        config: dict[str, Value] = {
            "name": guest.name,
            "memory": 1024,
            "cores": 2,
            "agent": Agent(True),
            "scsihw": "virtio-scsi-pci",
            "scsi0": NewDrive("local-lvm", 8 * GiB, import_from=IMAGE),
            "ide2": self.burn(guest),
            "net0": Nic("virtio", MAC, "vmbr0"),
            "boot": BootOrder(("scsi0",)),
            "serial0": "socket",
            **drives,
        }
        hypervisor, node = self.target.hypervisor, self.target.node
        self.target.run(hypervisor.create_machine(node, self.vmid, config))
        self.target.run(hypervisor.grow_disk(node, self.vmid, "scsi0", 8 * GiB))

    def burn(self, guest: Guest) -> Drive:
        """The CD with what the guest is told, uploaded."""
        name = f"{guest.instance}-{len(self.target.uploaded)}.iso"
        volume = self.target.upload(name, build_iso(render_files(guest, CARD)))
        return Drive(volume, options=(("media", "cdrom"),))

    def change(self, config: Mapping[str, Value]) -> None:
        self.target.run(self.target.hypervisor.change_machine(self.target.node, self.vmid, config))

    def boot(self) -> Ending:
        """Start it; how cloud-init ended."""
        self.target.run(self.target.hypervisor.start_machine(self.target.node, self.vmid))
        end = time.monotonic() + PATIENCE
        while not (ending := self._read_ending()).has_ended:
            assert time.monotonic() < end, f"not up after {PATIENCE} s: {ending}"
            time.sleep(1)
        return ending

    def _read_ending(self) -> Ending:
        result, status, errors = (self.read(path) for path in (RESULT_FILE, STATUS_FILE, ERRORS_FILE))
        return read_ending(status, result, errors)

    def read(self, path: str) -> str | None:
        """A file in the guest, by the agent."""
        return self.target.hypervisor.read_guest_file(self.target.node, self.vmid, path)

    def ssh(self, command: str) -> str:
        """Run as root; its output. The host key of the first time is the only one taken afterwards."""
        argv = ["ssh", "-F", "/dev/null", "-i", str(self.folder / "key"), "-o", "BatchMode=yes"]
        argv += ["-o", f"UserKnownHostsFile={self.folder / 'known'}", "-o", "StrictHostKeyChecking=accept-new"]
        argv += ["-o", "ConnectTimeout=60", "admin@192.0.2.100", "sudo", "-n", "sh", "-eu"]
        done = subprocess.run(
            Lan(self.lab.spec, self.lab.folder).enter(argv),
            input=command, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def forget_host_key(self) -> None:
        (self.folder / "known").unlink()

    def shut_down(self) -> None:
        """By the guest itself, so that its file systems are whole."""
        hypervisor, node = self.target.hypervisor, self.target.node
        self.target.run(hypervisor.shutdown_machine(node, self.vmid, timeout=180))
        assert hypervisor.read_status(node, self.vmid) == "stopped"

    def destroy(self) -> None:
        self.target.run(self.target.hypervisor.destroy_machine(self.target.node, self.vmid))

    def find_image(self, volume: str) -> Path:
        """The file behind a volume."""
        return self.lab.do(lambda hypervisor: hypervisor.volumes.path(volume))


@contextmanager
def open_booted_guest(folder: Path, seeds: Mapping[str, Path] | None = None) -> Iterator[BootedGuest]:
    """``seeds`` beside the image, as of ``open_booted_lab``."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", str(folder / "key")],
        check=True, timeout=60,
    )  # fmt: skip
    with open_booted_lab({IMAGE: ensure_image("debian-13", lambda _: None), **(seeds or {})}) as lab:
        target = Target("lab-booted", open_target(lab.url, lab.token, lab.ca_file), "pve", iter(range(200, 300)))
        try:
            yield BootedGuest(lab, target, folder)
        finally:
            target.hypervisor.close()

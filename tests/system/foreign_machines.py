"""Machines that homeprod did not make: by the calls of Terraform's bpg/proxmox provider, and by hand.

The provider's sequence is written from its documentation (`proxmox_virtual_environment_vm`: one POST with all that
its resource holds, a PUT resize of the imported disk, then a start), and goes through proxmoxer, unmodified.
"""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote

from proxmoxer import ProxmoxAPI
from proxmoxer.tools import Tasks
from tests.lab_server import LabServer
from tests.system.site_lab import NODE

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleSBvZiBhIHRlc3Q6IG5vIHByaXZhdGUgaGFsZi4u terraform@home"
PASSWORD = "hunter2-of-the-guest"
NOTE = "Made by Terraform.\n\n* owner: Sean\n* ticket: 17"


class ForeignHand:
    """A person or program with the cluster's own API and nothing of homeprod's."""

    def __init__(self, lab: LabServer) -> None:
        user, _, rest = lab.token.partition("!")
        name, _, secret = rest.partition("=")
        self.api = ProxmoxAPI(
            "127.0.0.1", port=lab.port, user=user, token_name=name, token_value=secret, verify_ssl=str(lab.ca_file)
        )
        self.node = self.api.nodes(NODE)

    def wait(self, upid: str | None) -> None:
        if upid is not None:
            ended = Tasks.blocking_status(self.api, upid, timeout=20, polling_interval=0.02)
            assert ended is not None
            assert ended["exitstatus"] == "OK", ended

    def create(self, vmid: int, **options: Any) -> None:
        self.wait(self.node.qemu.post(vmid=vmid, **options))

    def change(self, vmid: int, **options: Any) -> None:
        self.wait(self.node.qemu(vmid).config.post(**options))

    def start(self, vmid: int) -> None:
        self.wait(self.node.qemu(vmid).status.start.post())

    def shut_down(self, vmid: int) -> None:
        self.wait(self.node.qemu(vmid).status.shutdown.post())

    def config(self, vmid: int) -> dict[str, Any]:
        return {key: value for key, value in self.node.qemu(vmid).config.get().items() if key != "digest"}

    def status(self, vmid: int) -> str:
        return str(self.node.qemu(vmid).status.current.get()["status"])

    def upload_image(self) -> str:
        """A disk image among the files to import; its volume."""
        image = io.BytesIO(b"a disk".ljust(4 * 1024**2, b"."))
        image.name = "cloud-image.raw"
        self.wait(self.node.storage("local-hdd").upload.post(content="import", filename=image))
        return "local-hdd:import/cloud-image.raw"

    def terraform(self, vmid: int, **other: Any) -> None:
        """As ``terraform apply`` makes it: one POST with ids, an imported disk, the cloud-init drive, pool, tags,
        agent and serial port; then the disk grown, then started."""
        if not any(pool["poolid"] == "home" for pool in self.api.pools.get()):
            self.api.pools.post(poolid="home")
        options = {
            "name": "web",
            "description": NOTE,
            "tags": "terraform;web",
            "pool": "home",
            "acpi": 1,
            "agent": "enabled=1,fstrim_cloned_disks=0,type=virtio",
            "bios": "seabios",
            "boot": "order=scsi0;net0",
            "cores": 2,
            "cpu": "cputype=x86-64-v2-AES",
            "sockets": 1,
            "memory": 2048,
            "balloon": 0,
            "net0": "virtio=BC:24:11:2E:A1:03,bridge=vmbr0,firewall=0",
            "onboot": 1,
            "ostype": "l26",
            "scsihw": "virtio-scsi-pci",
            "scsi0": f"local-nvme:0,import-from={self.upload_image()},discard=on,iothread=1,ssd=1",
            "ide2": "local-nvme:cloudinit,media=cdrom",
            "ciuser": "terraform",
            "cipassword": PASSWORD,
            "ipconfig0": "ip=10.111.1.60/24,gw=10.111.1.1",
            "nameserver": "10.111.1.2",
            "sshkeys": quote(KEY, safe=""),
            "serial0": "socket",
            "tablet": 1,
            "vga": "type=std",
        }
        self.create(vmid, **{**options, **other})
        self.wait(self.node.qemu(vmid).resize.put(disk="scsi0", size="8G"))
        self.start(vmid)

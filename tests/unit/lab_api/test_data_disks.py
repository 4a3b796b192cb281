"""The life of a disk that one machine owns and another uses: who frees what, and who does not ask."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

pytestmark = pytest.mark.slow

VOLUME = "local-lvm:vm-9100-disk-0"


def file_of(lab: LabServer) -> Path:
    return lab.hypervisor.volumes.path(VOLUME)


def build(lab: LabServer, client: Client) -> str:
    """A data VM 9100 and its consumer 100; answers the sha256 of the disk's content."""
    client.create(9100, scsi0="local-lvm:1,backup=0,serial=data", protection=1)
    file = file_of(lab)
    with file.open("r+b") as disk:
        disk.write(b"precious")
    client.create(100, scsi0="local-lvm:1", scsi1=f"{VOLUME},backup=1,serial=data", agent=1)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_destroying_the_consumer_keeps_the_disk(lab_server: LabServer, client: Client) -> None:
    before = build(lab_server, client)
    assert client.run("DELETE", "/nodes/pve/qemu/100", purge=1, destroy_unreferenced_disks=1) == "OK"
    assert [v["volid"] for v in client.get("/nodes/pve/storage/local-lvm/content")] == [VOLUME]
    assert hashlib.sha256(file_of(lab_server).read_bytes()).hexdigest() == before


def test_detaching_a_foreign_disk_leaves_nothing_behind(lab_server: LabServer, client: Client) -> None:
    build(lab_server, client)
    assert client.call("PUT", "/nodes/pve/qemu/100/config", delete="scsi1", force=1).status == 200
    config = client.get("/nodes/pve/qemu/100/config")
    assert "scsi1" not in config
    assert not any(key.startswith("unused") for key in config)
    assert file_of(lab_server).exists()


def test_detaching_an_own_disk_keeps_it_unused(client: Client) -> None:
    client.create(100, scsi0="local-lvm:1")
    client.call("PUT", "/nodes/pve/qemu/100/config", delete="scsi0")
    assert client.get("/nodes/pve/qemu/100/config")["unused0"] == "local-lvm:vm-100-disk-0"


def test_destroying_the_owner_frees_the_disk_without_asking(lab_server: LabServer, client: Client) -> None:
    build(lab_server, client)
    answer = client.call("DELETE", "/nodes/pve/qemu/9100")
    assert (answer.status, answer.reason) == (500, "can't remove VM 9100 - protection mode enabled")
    client.call("PUT", "/nodes/pve/qemu/9100/config", protection=0)
    assert client.run("DELETE", "/nodes/pve/qemu/9100") == "OK"
    assert not file_of(lab_server).exists()
    # The consumer still names it, and cannot start any more.
    assert client.run("POST", "/nodes/pve/qemu/100/status/start") == f"volume '{VOLUME}' does not exist"


def test_growing_at_the_consumer_leaves_the_owner_stale(client: Client, lab_server: LabServer) -> None:
    build(lab_server, client)
    assert client.run("POST", "/nodes/pve/qemu/100/status/start") == "OK"
    assert client.run("PUT", "/nodes/pve/qemu/100/resize", disk="scsi1", size="+1G") == "OK"
    assert "size=2G" in client.get("/nodes/pve/qemu/100/config")["scsi1"]
    assert "size=1G" in client.get("/nodes/pve/qemu/9100/config")["scsi0"]
    assert file_of(lab_server).stat().st_size == 2 * 1024**3


def test_handing_a_disk_to_a_data_vm_renames_it(client: Client, lab_server: LabServer) -> None:
    client.create(100, scsi0="local-lvm:1", scsi1="local-lvm:1,serial=data")
    client.create(9100)
    old = lab_server.hypervisor.volumes.path("local-lvm:vm-100-disk-1")
    with old.open("r+b") as file:
        file.write(b"the only copy")
    before = (old.stat().st_ino, old.stat().st_size)
    status = client.run("POST", "/nodes/pve/qemu/100/move_disk", disk="scsi1", target_vmid=9100, target_disk="scsi0")
    assert status == "OK"
    assert client.get("/nodes/pve/qemu/9100/config")["scsi0"] == f"{VOLUME},serial=data,size=1G"
    assert "scsi1" not in client.get("/nodes/pve/qemu/100/config")
    assert not old.exists()
    new = file_of(lab_server)
    assert (new.stat().st_ino, new.stat().st_size) == before
    assert new.read_bytes()[:13] == b"the only copy"


def test_a_disk_that_is_handed_over_leaves_the_boot_order_and_needs_the_right_digest(client: Client) -> None:
    client.create(100, scsi0="local-lvm:1", boot="order=scsi0")
    client.create(9100)
    words = {"disk": "scsi0", "target_vmid": 9100, "target_disk": "scsi0"}
    move = "/nodes/pve/qemu/100/move_disk"
    assert "checksum mismatch" in client.run("POST", move, digest="0" * 40, **words)
    assert client.run("POST", move, **words) == "OK"
    assert client.get("/nodes/pve/qemu/100/config")["boot"].strip() == ""

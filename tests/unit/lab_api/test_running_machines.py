"""What a running machine takes at once, what waits, and what a guest that turns itself off leaves to do."""

from __future__ import annotations

from typing import Any

import pytest
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

CONFIG = "/nodes/pve/qemu/100/config"


@pytest.fixture
def running(client: Client) -> Client:
    client.create(100, name="web", memory=512, scsi0="local-lvm:1", ide2="none,media=cdrom", net0="virtio", start=1)
    return client


def pending(client: Client) -> dict[str, dict[str, Any]]:
    return {entry["key"]: entry for entry in client.get("/nodes/pve/qemu/100/pending")}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "other"), ("tags", "x"), ("description", "hello"), ("onboot", 1), ("startup", "order=3"),
        ("protection", 1),
    ],
)  # fmt: skip
def test_these_are_taken_at_once(running: Client, key: str, value: str | int) -> None:
    running.call("PUT", CONFIG, **{key: value})
    assert "pending" not in pending(running)[key]
    assert running.get(CONFIG, current=1)[key] == value


@pytest.mark.parametrize(("key", "value", "stored"), [("cores", 2, 2), ("memory", 1024, "1024"), ("agent", 1, "1")])
def test_these_wait_for_a_cold_start(running: Client, key: str, value: int, stored: str | int) -> None:
    running.call("PUT", CONFIG, **{key: value})
    assert pending(running)[key]["pending"] == stored
    assert running.run("POST", "/nodes/pve/qemu/100/status/reboot") == "OK"
    assert "pending" not in pending(running)[key]
    assert running.get(CONFIG, current=1)[key] == stored


def test_a_disk_is_plugged_at_once(running: Client) -> None:
    running.call("PUT", CONFIG, scsi1="local-lvm:1")
    assert pending(running)["scsi1"] == {"key": "scsi1", "value": "local-lvm:vm-100-disk-1,size=1G"}
    running.call("PUT", CONFIG, delete="scsi1")
    assert "scsi1" not in pending(running)
    assert running.get(CONFIG)["unused0"] == "local-lvm:vm-100-disk-1"


@pytest.mark.parametrize(("hotplug", "slot"), [("usb", "scsi1"), ("0", "scsi1"), ("1", "sata1")])
def test_a_disk_waits_where_none_is_plugged_and_keeps_its_volume_when_reverted(
    running: Client, hotplug: str, slot: str
) -> None:
    running.call("PUT", CONFIG, hotplug=hotplug)
    assert running.run("POST", "/nodes/pve/qemu/100/status/reboot") == "OK"
    running.call("PUT", CONFIG, **{slot: "local-lvm:1"})
    assert pending(running)[slot] == {"key": slot, "pending": "local-lvm:vm-100-disk-1,size=1G"}
    running.call("PUT", CONFIG, revert=slot)
    assert slot not in pending(running)
    assert running.get(CONFIG)["unused0"] == "local-lvm:vm-100-disk-1"


@pytest.mark.parametrize(("hotplug", "value", "waits"), [
    ("disk", "virtio=02:00:00:00:00:01,bridge=vmbr0", True), ("disk", "virtio={mac},bridge=vmbr0,tag=7", False),
    ("network", "virtio=02:00:00:00:00:01,bridge=vmbr0", False),
])  # fmt: skip
def test_a_card_is_plugged_or_waits_and_its_bridge_side_is_live(
    running: Client, hotplug: str, value: str, waits: bool
) -> None:
    running.call("PUT", CONFIG, net0="virtio,bridge=vmbr0", hotplug=hotplug)
    running.run("POST", "/nodes/pve/qemu/100/status/reboot")
    mac = running.get(CONFIG)["net0"].split(",")[0].partition("=")[2]
    assert running.call("PUT", CONFIG, net0=value.format(mac=mac)).status == 200
    assert ("pending" in pending(running)["net0"]) == waits


def test_a_cd_is_swapped_live(lab_server: LabServer, running: Client) -> None:
    swapped: list[tuple[int, str, str | None]] = []

    async def note(vmid: int, slot: str, path: Any) -> None:
        swapped.append((vmid, slot, path and path.name))

    lab_server.hypervisor.runner.change_cdrom = note  # type: ignore[method-assign]
    lab_server.do(
        lambda h: (h.volumes.path("local:iso/a.iso").parent.mkdir(parents=True), h.catalog.add("local:iso/a.iso", 3))
    )
    assert running.call("PUT", CONFIG, ide2="local:iso/a.iso,media=cdrom").status == 200
    assert running.get(CONFIG, current=1)["ide2"] == "local:iso/a.iso,media=cdrom,size=3"
    running.call("PUT", CONFIG, ide2="none,media=cdrom")
    assert swapped == [(100, "ide2", "a.iso"), (100, "ide2", None)]


def test_a_deletion_shows_as_pending(running: Client) -> None:
    running.call("PUT", CONFIG, delete="memory")
    assert pending(running)["memory"]["delete"] == 1
    assert "memory" not in running.get(CONFIG)
    assert "memory" in running.get(CONFIG, current=1)


def test_a_guest_that_turns_itself_off_takes_changes_at_the_next_start(
    lab_server: LabServer, running: Client
) -> None:
    running.call("PUT", CONFIG, cores=4)
    lab_server.power_off(100)
    assert running.get("/nodes/pve/qemu/100/status/current")["status"] == "stopped"
    assert pending(running)["cores"]["pending"] == 4
    assert running.run("POST", "/nodes/pve/qemu/100/status/start") == "OK"
    assert running.get(CONFIG, current=1)["cores"] == 4


def test_a_wrong_digest_is_refused(running: Client) -> None:
    digest = running.get(CONFIG)["digest"]
    assert running.call("PUT", CONFIG, cores=2, digest=digest).status == 200
    answer = running.call("PUT", CONFIG, cores=3, digest=digest)
    assert (answer.status, answer.reason) == (500, "checksum mismatch (file change by other user?)")


def test_the_agent_is_not_there(running: Client) -> None:
    assert running.call("POST", "/nodes/pve/qemu/100/agent/ping").reason == "No QEMU guest agent configured"
    running.call("PUT", CONFIG, agent=1)
    running.run("POST", "/nodes/pve/qemu/100/status/reboot")
    answer = running.call("POST", "/nodes/pve/qemu/100/agent/ping")
    assert (answer.status, answer.reason) == (500, "QEMU guest agent is not running")
    answer = running.call("GET", "/nodes/pve/qemu/100/agent/file-read", file="/run/x")
    assert (answer.status, answer.reason) == (500, "QEMU guest agent is not running")

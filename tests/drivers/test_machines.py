"""The driver suite: a machine's life. Each test runs unchanged over every target."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.drivers.target import Target

from homeprod.core.errors import NotFoundError, ProxmoxError
from homeprod.core.sizes import GiB
from homeprod.plan.config import Agent, BootOrder, Config, Drive, NewDrive, Startup

NOWHERE = 999_999_999


def test_reads_the_cluster(target: Target) -> None:
    assert target.hypervisor.read_version().release >= (8, 4)
    assert target.hypervisor.read_permissions()
    resources = target.hypervisor.read_resources()
    assert target.node in {node.name for node in resources.nodes if node.is_online}
    storages = {storage.name: storage for storage in resources.storages if storage.node == target.node}
    assert "images" in storages[target.disks].content
    assert "iso" in storages[target.files].content
    assert storages[target.disks].is_available


def test_counts_its_calls(target: Target) -> None:
    before = target.hypervisor.api_calls
    target.hypervisor.read_resources()
    target.hypervisor.read_version()
    assert target.hypervisor.api_calls == before + 2


def test_a_created_machine_reads_back_as_it_was_written(target: Target) -> None:
    vmid = target.create()
    wanted: Config = {
        "name": "written",
        "memory": 256,
        "cores": 2,
        "tags": frozenset({"homeprod-new", "lab"}),
        "description": "two lines; with = and & and %\nand ümlaut: €",
        "agent": Agent(True, (("fstrim_cloned_disks", "1"),)),
        "boot": BootOrder(("net0",)),
        "net0": replace(target.nic(vmid), options=(("firewall", "1"), ("tag", "5"))),
        "onboot": True,
        "ostype": "l26",
        "serial0": "socket",
        "scsihw": "virtio-scsi-single",
        "startup": Startup(order=3, up=10),
    }
    second = target.create(wanted)
    read = target.hypervisor.read_machine(target.node, second)
    assert {key: read.config.get(key) for key in wanted} == wanted
    assert not read.pending


def test_a_created_machine_is_listed(target: Target) -> None:
    vmid = target.create({"tags": frozenset({"listed", "here"})})
    listed = {machine.vmid: machine for machine in target.hypervisor.read_resources().machines}[vmid]
    assert (listed.node, listed.status, listed.is_template) == (target.node, "stopped", False)
    assert listed.tags == {"listed", "here"}


def test_a_stopped_machine_changes_at_once(target: Target) -> None:
    vmid = target.create({"cores": 1, "description": "going"})
    task = target.hypervisor.change_machine(
        target.node, vmid, {"cores": 3, "tags": frozenset({"b", "a"})}, delete=["description"]
    )
    target.run(task)
    read = target.hypervisor.read_machine(target.node, vmid)
    assert (read.config["cores"], read.config["tags"]) == (3, {"a", "b"})
    assert "description" not in read.config
    assert not read.pending


def test_the_digest_moves_with_the_configuration(target: Target) -> None:
    vmid = target.create({"cores": 1})
    first = target.hypervisor.read_digest(target.node, vmid)
    assert target.hypervisor.read_machine(target.node, vmid).digest in {first, ""}
    target.run(target.hypervisor.change_machine(target.node, vmid, {"cores": 2}, digest=first))
    assert target.hypervisor.read_digest(target.node, vmid) != first


def test_a_write_with_an_old_digest_is_refused(target: Target) -> None:
    vmid = target.create({"cores": 1})
    old = target.hypervisor.read_digest(target.node, vmid)
    target.run(target.hypervisor.change_machine(target.node, vmid, {"cores": 2}))
    with pytest.raises(ProxmoxError, match="file change by other user") as caught:
        target.run(target.hypervisor.change_machine(target.node, vmid, {"cores": 4}, digest=old))
    assert "plan again" in caught.value.hint
    assert target.hypervisor.read_machine(target.node, vmid).config["cores"] == 2


def test_start_stop_and_what_waits_for_a_cold_start(target: Target) -> None:
    vmid = target.create({"cores": 1, "onboot": True})
    target.run(target.hypervisor.start_machine(target.node, vmid))
    assert target.hypervisor.read_status(target.node, vmid) == "running"
    target.run(target.hypervisor.change_machine(target.node, vmid, {"cores": 2}))
    read = target.hypervisor.read_machine(target.node, vmid)
    assert (read.config["cores"], read.pending) == (1, {"cores": 2})
    target.run(target.hypervisor.stop_machine(target.node, vmid))
    assert target.hypervisor.read_status(target.node, vmid) == "stopped"
    target.run(target.hypervisor.start_machine(target.node, vmid))
    read = target.hypervisor.read_machine(target.node, vmid)
    assert (read.config["cores"], read.pending) == (2, {})


def test_a_waiting_deletion_reads_as_none(target: Target) -> None:
    vmid = target.create({"cores": 2})
    target.run(target.hypervisor.start_machine(target.node, vmid))
    target.run(target.hypervisor.change_machine(target.node, vmid, {}, delete=["cores"]))
    read = target.hypervisor.read_machine(target.node, vmid)
    assert read.config["cores"] == 2
    assert read.pending == {"cores": None}


def test_shutdown(target: Target) -> None:
    vmid = target.create()
    target.run(target.hypervisor.start_machine(target.node, vmid))
    target.run(target.hypervisor.shutdown_machine(target.node, vmid, timeout=5))
    assert target.hypervisor.read_status(target.node, vmid) == "stopped"


def test_an_agent_that_is_not_there_is_no_error(target: Target) -> None:
    vmid = target.create()
    assert not target.hypervisor.ping_agent(target.node, vmid)
    assert target.hypervisor.read_guest_file(target.node, vmid, "/run/cloud-init/status.json") is None
    target.run(target.hypervisor.start_machine(target.node, vmid))
    assert not target.hypervisor.ping_agent(target.node, vmid)
    assert target.hypervisor.read_guest_file(target.node, vmid, "/run/cloud-init/status.json") is None


def test_a_destroyed_machine_is_gone_with_its_disks(target: Target) -> None:
    vmid = target.create({"scsi0": NewDrive(target.disks, 1 * GiB)})
    drive = target.hypervisor.read_machine(target.node, vmid).config["scsi0"]
    assert isinstance(drive, Drive)
    target.run(target.hypervisor.destroy_machine(target.node, vmid))
    with pytest.raises(NotFoundError):
        target.hypervisor.read_machine(target.node, vmid)
    assert drive.volume not in target.list_volumes(target.disks)


def test_a_protected_machine_is_not_destroyed(target: Target) -> None:
    vmid = target.create({"protection": True})
    with pytest.raises(ProxmoxError, match="protection mode enabled") as caught:
        target.run(target.hypervisor.destroy_machine(target.node, vmid))
    assert "destroy --data" in caught.value.hint
    assert target.hypervisor.read_machine(target.node, vmid).config["protection"] is True


def test_a_vmid_that_is_taken(target: Target) -> None:
    vmid = target.create({"name": "first"})
    with pytest.raises(ProxmoxError, match=f"VM {vmid} already exists") as caught:
        target.run(target.hypervisor.create_machine(target.node, vmid, {"name": "second"}))
    assert "another machine" in caught.value.hint
    assert target.hypervisor.read_machine(target.node, vmid).config["name"] == "first"


def test_what_is_not_there_is_not_found(target: Target) -> None:
    hypervisor = target.hypervisor
    with pytest.raises(NotFoundError, match=str(NOWHERE)):
        hypervisor.read_machine(target.node, NOWHERE)
    with pytest.raises(NotFoundError, match="nosuch"):
        hypervisor.read_content(target.node, "nosuch")
    with pytest.raises(NotFoundError):
        target.run(hypervisor.start_machine(target.node, NOWHERE))


def test_an_unknown_node(target: Target) -> None:
    with pytest.raises(NotFoundError, match="nosuchnode") as caught:
        target.hypervisor.read_content("nosuchnode", target.files)
    assert "pvecm nodes" in caught.value.hint


def test_many_machines_at_once(target: Target) -> None:
    made = [target.create({"cores": cores}) for cores in (1, 2, 3)]
    read = target.hypervisor.read_machines([(target.node, vmid) for vmid in [*made, NOWHERE]])
    assert [machine.config["cores"] if machine else None for machine in read.values()] == [1, 2, 3, None]
    assert list(read) == [*made, NOWHERE]


def test_a_task_tells_its_log(target: Target) -> None:
    vmid = next(target.vmids)
    task = target.hypervisor.create_machine(target.node, vmid, {"scsi0": NewDrive(target.disks, 1 * GiB)})
    target.made.append(vmid)
    lines: list[str] = []
    target.hypervisor.wait(task, on_line=lines.append)
    assert lines[-1] == "TASK OK"
    assert len(lines) > 1

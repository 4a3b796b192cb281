"""What a person gets wrong, tried on the lab: one clear error each, with the next step. (Endpoint, certificate and
ticket stand in the tests of the connection.)"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.drivers.target import open_target
from tests.lab_server import LabServer

from homeprod.core.errors import DeniedError, NotFoundError, ProxmoxError
from homeprod.core.sizes import GiB, MiB
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.drivers.proxmox.rights import Job, Need, find_missing, list_needs
from homeprod.engine.ports import Task
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.document import print_document
from homeprod.lab.spec import LabSpec, StorageSpec
from homeprod.plan.config import Config, Drive, NewDrive, Nic, Startup

JOB = Job(frozenset({"local-lvm"}), frozenset({"local"}), frozenset({"vmbr0"}), frozenset(), True, True)


@pytest.fixture
def hypervisor(lab_server: LabServer) -> Iterator[ProxmoxHypervisor]:
    with closing(open_target(lab_server.url, lab_server.token, lab_server.ca_file)) as hypervisor:
        yield hypervisor


def live(hypervisor: ProxmoxHypervisor) -> None:
    """All that apply does in a machine's life."""

    def run(task: Task | None) -> None:
        if task is not None:
            hypervisor.wait(task)

    hypervisor.read_version()
    assert hypervisor.read_resources().storages
    hypervisor.create_pool("homeprod-lease-1", "held")
    hypervisor.change_pool("homeprod-lease-1", "held still")
    hypervisor.delete_pool("homeprod-lease-1")
    run(hypervisor.upload("pve", "local", "a.iso", b"iso", content="iso"))
    run(hypervisor.upload("pve", "local", "a.raw", bytes(MiB), content="import"))
    owner: Config = {"name": "data", "scsi0": NewDrive("local-lvm", GiB), "protection": True}
    run(hypervisor.create_machine("pve", 200, owner))
    config: Config = {
        "name": "a",
        "cores": 1,
        "memory": 128,
        "ide2": Drive("local:iso/a.iso", options=(("media", "cdrom"),)),
        "scsi0": NewDrive("local-lvm", GiB, import_from="local:import/a.raw"),
        "scsi1": Drive("local-lvm:vm-200-disk-0"),
        "net0": Nic("virtio", "02:00:00:00:00:01", "vmbr0"),
        "serial0": "socket",
        "startup": Startup(order=1),
        "tags": frozenset({"homeprod-new"}),
    }
    run(hypervisor.create_machine("pve", 100, config))
    run(hypervisor.grow_disk("pve", 100, "scsi0", 2 * GiB))
    run(hypervisor.start_machine("pve", 100))
    hypervisor.read_machine("pve", 100)
    hypervisor.ping_agent("pve", 100)
    hypervisor.read_guest_file("pve", 100, "/run/cloud-init/status.json")
    run(hypervisor.change_machine("pve", 100, {"tags": frozenset({"a"}), "startup": Startup(order=2)}))
    run(hypervisor.stop_machine("pve", 100))
    run(hypervisor.change_machine("pve", 100, {"cores": 2, "memory": 256}))
    run(hypervisor.destroy_machine("pve", 100))
    assert hypervisor.read_content("pve", "local-lvm")
    run(hypervisor.delete_volume("pve", "local:iso/a.iso"))
    hypervisor.create_pool("homeprod-1a2b3c4d-lease-1", "held")
    hypervisor.change_pool("homeprod-1a2b3c4d-lease-1", "free")
    assert hypervisor.read_pools() == {"homeprod-1a2b3c4d-lease-1": "free"}
    hypervisor.delete_pool("homeprod-1a2b3c4d-lease-1")


def grant(needs: tuple[Need, ...], without: str = "") -> dict[str, set[str]]:
    granted: dict[str, set[str]] = {}
    for need in needs:
        granted.setdefault(need.path, set()).update(need.privileges - {without})
    return granted


@pytest.mark.parametrize(("version", "release"), [("8.4.14", (8, 4)), ("9.2.3", (9, 2))])
def test_the_least_rights_are_enough(version: str, release: tuple[int, int]) -> None:
    needs = list_needs(JOB, release)
    with LabServer(LabSpec("test", boot=False, version=version)) as lab:
        token = lab.add_token("least", grant(needs))
        with closing(open_target(lab.url, token, lab.ca_file)) as hypervisor:
            assert find_missing(hypervisor.read_permissions(), needs) == []
            live(hypervisor)


NEEDED = sorted({name for need in list_needs(JOB, (9, 2)) for name in need.privileges})


@pytest.mark.parametrize("privilege", NEEDED)
def test_each_of_them_is_needed_and_named(privilege: str, lab_server: LabServer) -> None:
    needs = list_needs(JOB, (9, 2))
    token = lab_server.add_token("less", grant(needs, without=privilege))
    with closing(open_target(lab_server.url, token, lab_server.ca_file)) as hypervisor:
        missing = find_missing(hypervisor.read_permissions(), needs)
        assert {name for need in missing for name in need.privileges} == {privilege}
        if privilege == "Sys.Audit":  # the list is then only shorter: nodes show no memory and no load
            return
        with pytest.raises(DeniedError) as caught:
            live(hypervisor)
    assert privilege in caught.value.message
    assert privilege in caught.value.hint


def test_a_token_without_any_rights(lab_server: LabServer) -> None:
    """Made with privilege separation, the default (facts: the first hour's 403s)."""
    token = lab_server.add_token("bare", {})
    with closing(open_target(lab_server.url, token, lab_server.ca_file)) as hypervisor:
        assert find_missing(hypervisor.read_permissions(), list_needs(JOB, (9, 2))) == list(list_needs(JOB, (9, 2)))
        with pytest.raises(DeniedError, match=r"lacks VM\.Allocate on /vms$") as caught:
            hypervisor.create_machine("pve", 100, {"name": "a"})
    assert "pveum acl modify /vms" in caught.value.hint


@pytest.mark.parametrize("token", ["root@pam!homeprod=wrong", "root@pam!nosuch=wrong", "nobody@pve!homeprod=wrong"])
def test_a_wrong_token(token: str, lab_server: LabServer) -> None:
    with (
        closing(open_target(lab_server.url, token, lab_server.ca_file)) as hypervisor,
        pytest.raises(DeniedError, match="is not accepted") as caught,
    ):
        hypervisor.read_version()
    assert "pveum user token list" in caught.value.hint
    assert "wrong" not in caught.value.message


@pytest.mark.parametrize(("version", "words"), [("7.4-3", "too old"), ("8.3.5", "too old"), ("10.0.1", "newer than")])
def test_a_version_that_is_not_supported(version: str, words: str) -> None:
    with (
        LabServer(LabSpec("test", boot=False, version=version)) as lab,
        closing(open_target(lab.url, lab.token, lab.ca_file)) as hypervisor,
        pytest.raises(ProxmoxError, match=words),
    ):
        hypervisor.read_version()


def test_an_unknown_storage(hypervisor: ProxmoxHypervisor) -> None:
    with pytest.raises(NotFoundError, match="storage 'nosuch' does not exist") as caught:
        hypervisor.wait(hypervisor.create_machine("pve", 100, {"scsi0": NewDrive("nosuch", GiB)}))
    assert "pvesm status" in caught.value.hint


def test_an_unknown_bridge(hypervisor: ProxmoxHypervisor) -> None:
    nic = Nic("virtio", "02:00:00:00:00:01", "vmbr9")
    hypervisor.wait(hypervisor.create_machine("pve", 100, {"net0": nic}))
    with pytest.raises(ProxmoxError, match="bridge 'vmbr9' does not exist") as caught:
        hypervisor.wait(hypervisor.start_machine("pve", 100))
    assert "make the bridge" in caught.value.hint


def test_a_storage_without_the_content_type() -> None:
    storages = (StorageSpec("local", content=("images",)), StorageSpec("files", content=("iso",)))
    with (
        LabServer(LabSpec("test", boot=False, storages=storages)) as lab,
        closing(open_target(lab.url, lab.token, lab.ca_file)) as hypervisor,
    ):
        for attempt in (
            lambda: hypervisor.upload("pve", "local", "a.iso", b"x", content="iso"),
            lambda: hypervisor.create_machine("pve", 100, {"scsi0": NewDrive("files", GiB)}),
        ):
            with pytest.raises(ProxmoxError) as caught:
                hypervisor.wait(attempt())
            assert "pvesm set STORAGE --content" in caught.value.hint, caught.value


def test_a_full_storage() -> None:
    storages = (StorageSpec("local", size=MiB), StorageSpec("local-lvm", "lvmthin", ("images",)))
    with (
        LabServer(LabSpec("test", boot=False, storages=storages)) as lab,
        closing(open_target(lab.url, lab.token, lab.ca_file)) as hypervisor,
    ):
        with pytest.raises(ProxmoxError, match="No space left on device") as caught:
            hypervisor.wait(hypervisor.upload("pve", "local", "a.iso", bytes(2 * MiB), content="iso"))
        assert "the storage is full" in caught.value.hint
        assert hypervisor.read_content("pve", "local") == ()


def test_a_locked_machine(lab_server: LabServer, hypervisor: ProxmoxHypervisor) -> None:
    hypervisor.wait(hypervisor.create_machine("pve", 100, {"name": "a"}))
    _lock(lab_server, 100)
    with pytest.raises(ProxmoxError, match=r"VM is locked \(backup\)") as caught:
        hypervisor.wait(hypervisor.start_machine("pve", 100))
    assert "qm unlock" in caught.value.hint


def _lock(lab: LabServer, vmid: int) -> None:
    def lock(real: Hypervisor) -> None:
        machine = real.machines.read("pve", vmid)
        real.machines.write_text(vmid, "pve", print_document(machine.document) + "lock: backup\n")

    lab.do(lock)

"""apply where somebody else interferes, answers are lost, or a step fails at the worst moment: nothing is lost, and
what is said is true."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.lab_server import InjectedFault
from tests.system.site_lab import NODE, SiteLab

from homeprod.cli import destroy
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.ports import Task
from homeprod.lab.machine.document import print_document
from homeprod.plan.config import Drive

CODER, ANSIBLE, KEYS = 4001021, 4001022, 94001022


def _attached(site_lab: SiteLab, vmid: int = ANSIBLE, slot: str = "scsi1") -> Drive:
    with site_lab.driver() as cluster:
        drive = cluster.read_machine(NODE, vmid).config[slot]
    assert isinstance(drive, Drive)
    return drive


def _once(method: str, ending: str, fault: InjectedFault | None, act: Callable[[], None] = lambda: None) -> Any:
    """What a lab is given as ``on_call``: the first call that fits meets the fault, or the act before it."""
    has_met = threading.Event()

    def meet(received: object) -> InjectedFault | None:
        path = getattr(received, "path", "")
        if getattr(received, "method", "") != method or not path.endswith(ending) or has_met.is_set():
            return None
        has_met.set()
        act()
        return fault

    return meet


def _edit_behind(site_lab: SiteLab, vmid: int, line: str) -> None:
    """Another client's write, straight at the lab's store: for use in its own loop."""
    store = site_lab.lab.hypervisor.machines
    store.write_text(vmid, NODE, line + "\n" + print_document(store.read(NODE, vmid).document))


def _replace_ansible(site_lab: SiteLab) -> None:
    site_lab.edit("lab_ansible_vm", "number=22,", "number=22, addresses=(30,),")
    assert ("replace", "vm/lab-ansible") in site_lab.actions()


def test_a_shutdown_that_was_only_queued_is_waited_for(site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a machine that HA manages: the task ends at once, the guest runs on with its data disk mounted."""
    site_lab.apply("--only", "lab-ansible")
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(shutdown_limit=1,")

    def queue(self: ProxmoxHypervisor, node: str, vmid: int, *, timeout: int) -> Task:
        return self.upload(node, "local-hdd", "queued.iso", b"", content="iso")

    monkeypatch.setattr(ProxmoxHypervisor, "shutdown_machine", queue)
    code, _, said = site_lab.run("destroy", "lab-ansible", "--yes")
    assert code == 1
    assert "did not shut down within 1 s, and has a data disk mounted" in said
    assert dict(_attached(site_lab).options)["serial"] == "ssh_keys"


def test_the_plug_is_pulled_only_of_what_did_not_shut_down(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-coder")
    locked = InjectedFault(status=500, reason="VM is locked (backup)")
    site_lab.lab.on_call = _once("POST", f"/qemu/{CODER}/status/shutdown", locked)
    code, _, said = site_lab.run("destroy", "lab-coder", "--yes")
    assert code == 1
    assert "VM is locked (backup)" in said
    assert "qm unlock" in said
    with site_lab.driver() as cluster:
        assert cluster.read_status(NODE, CODER) == "running"


def test_a_machine_that_changed_since_the_plan_is_not_destroyed(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-ansible")
    _replace_ansible(site_lab)
    site_lab.lab.on_call = _once("POST", "/upload", None, lambda: _edit_behind(site_lab, ANSIBLE, "protection: 1"))
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-ansible")
    assert code == 1
    assert "somebody changed this machine since the plan was made" in said
    with site_lab.driver() as cluster:
        assert cluster.read_status(NODE, ANSIBLE) == "running"


def test_a_machine_whose_successor_cannot_be_prepared_is_left_as_it_is(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-ansible")
    _replace_ansible(site_lab)
    full = InjectedFault(status=500, reason="no space left on device")
    site_lab.lab.on_call = _once("POST", "/upload", full)
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-ansible")
    assert code == 1
    assert "the storage is full" in said
    with site_lab.driver() as cluster:
        assert cluster.read_status(NODE, ANSIBLE) == "running"
    assert _attached(site_lab).volume == _attached(site_lab, KEYS, "scsi0").volume


def test_a_replaced_machine_keeps_its_place_in_backup_jobs(site_lab: SiteLab) -> None:
    """``purge`` takes a VMID out of them, and the data disk is saved with its consumer."""
    site_lab.apply("--only", "lab-ansible")
    _replace_ansible(site_lab)
    site_lab.lab.forget_calls()
    assert site_lab.apply("--only", "lab-ansible") == 0
    (deletion,) = [
        call for call in site_lab.lab.calls if call.method == "DELETE" and call.path.endswith(str(ANSIBLE))
    ]
    assert deletion.params.get("purge") in (None, "0", 0, False)


@pytest.mark.parametrize(
    ("method", "ending"),
    [("POST", "/qemu"), ("POST", "/upload"), ("POST", f"/{CODER}/status/start"), ("POST", "/download-url")],
)
def test_an_answer_lost_while_a_machine_is_made_is_no_failure(site_lab: SiteLab, method: str, ending: str) -> None:
    site_lab.lab.on_call = _once(method, ending, InjectedFault(when="after", cut=True))
    assert site_lab.apply("--only", "lab-coder") == 0
    assert site_lab.actions("--only", "lab-coder") == []


def test_an_answer_lost_while_a_machine_is_changed_is_no_failure(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-coder")
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB, note='Builds.'")
    site_lab.edit("lab_coder_vm", "people=(ansible, sean)", "people=(sean,)")
    site_lab.lab.on_call = _once("POST", f"/{CODER}/config", InjectedFault(when="after", cut=True))
    assert site_lab.run("apply", "--yes", "--only", "lab-coder")[0] == 0
    assert site_lab.actions("--only", "lab-coder") == [("cold start", "vm/lab-coder")]


@pytest.mark.parametrize("ending", ["", "/config", "/status/shutdown"])
def test_an_answer_lost_while_a_machine_is_replaced_is_no_failure(site_lab: SiteLab, ending: str) -> None:
    site_lab.apply("--only", "lab-ansible")
    _replace_ansible(site_lab)
    method = "POST" if ending else "DELETE"
    site_lab.lab.on_call = _once(method, f"/{ANSIBLE}{ending}", InjectedFault(when="after", cut=True))
    is_late = ending == "/status/shutdown"  # the lost one may still come, and meet the new machine
    assert site_lab.apply("--only", "lab-ansible") == (3 if is_late else 0)
    assert site_lab.actions("--only", "lab-ansible") == ([("finish", "vm/lab-ansible")] if is_late else [])
    assert site_lab.apply("--only", "lab-ansible") == 0
    assert site_lab.actions("--only", "lab-ansible") == []


def _make_stranger(site_lab: SiteLab, volume: str) -> None:
    with site_lab.driver() as cluster:
        config = {"name": "nas", "scsi0": Drive(volume)}
        cluster.wait(cluster.create_machine(NODE, 105, config))


def test_a_data_disk_that_a_stranger_uses_is_not_attached(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-ansible")
    assert site_lab.run("destroy", "lab-ansible", "--yes")[0] == 0
    _make_stranger(site_lab, _attached(site_lab, KEYS, "scsi0").volume)
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-ansible")
    assert code == 1
    assert "is in use by 'nas' (VMID 105)" in said
    assert site_lab.actions("--only", "lab-ansible") == [("create", "vm/lab-ansible")]


def test_a_machine_is_not_started_with_a_disk_that_a_strangers_machine_runs_with(site_lab: SiteLab) -> None:
    site_lab.apply()
    with site_lab.driver() as cluster:
        cluster.wait(cluster.stop_machine(NODE, CODER))
        boot = cluster.read_machine(NODE, CODER).config["scsi0"]
        cluster.wait(cluster.create_machine(NODE, 777, {"name": "forensics", "scsi3": boot}))
        cluster.wait(cluster.start_machine(NODE, 777))
    site_lab.lab.forget_calls()
    code, _, said = site_lab.run("apply", "--yes", "--start")
    assert code == 1
    assert "is in use by 'forensics' (VMID 777), which is not this site's; nothing was done" in said
    assert "detach it there first" in said
    assert not [call for call in site_lab.lab.written() if not call.path.startswith("/pools")]  # the lease
    with site_lab.driver() as cluster:
        cluster.wait(cluster.stop_machine(NODE, 777))
    assert site_lab.apply("--start") == 0  # one that does not run harms nothing


def test_a_disk_that_a_stranger_uses_is_not_destroyed_with_its_owner(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-coder")
    _make_stranger(site_lab, _attached(site_lab, CODER, "scsi0").volume)
    code, _, said = site_lab.run("destroy", "lab-coder", "--yes")
    assert code == 1
    assert "is in use by 'nas' (VMID 105)" in said
    assert _attached(site_lab, CODER, "scsi0")


def test_a_data_vm_that_came_into_use_while_somebody_was_asked_is_kept(
    site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_lab.apply("--only", "lab-ansible")
    assert site_lab.run("destroy", "lab-ansible", "--yes")[0] == 0
    volume = _attached(site_lab, KEYS, "scsi0").volume
    agreed = destroy.run_plan

    def run_late(*arguments: Any) -> int:
        _make_stranger(site_lab, volume)
        return agreed(*arguments)

    monkeypatch.setattr(destroy, "run_plan", run_late)
    code, _, said = site_lab.run("destroy", "--data", "lab-ansible-data", "--confirm", "lab-ansible-data")
    assert code == 1
    assert "is in use by 'nas' (VMID 105)" in said
    assert _attached(site_lab, KEYS, "scsi0").volume == volume
    with site_lab.driver() as cluster:
        assert cluster.read_machine(NODE, KEYS).config["protection"] is True

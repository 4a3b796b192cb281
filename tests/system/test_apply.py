"""apply against the lab's API, without booting: machines made, changed, replaced and taken away as planned."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest
from tests.lab_server import InjectedFault
from tests.system.drill_lab import LAB, open_drill_lab
from tests.system.site_lab import NODE, SiteLab, open_site_lab

from homeprod.engine.work import tell_time
from homeprod.lab.machine.document import print_document
from homeprod.plan.config import Drive
from homeprod.plan.mark import NEW_TAG, parse_note

CODER, ANSIBLE, KEYS = 4001021, 4001022, 94001022


def _volume_file(site_lab: SiteLab, vmid: int, slot: str) -> tuple[str, Path]:
    with site_lab.driver() as cluster:
        drive = cluster.read_machine(NODE, vmid).config[slot]
    assert isinstance(drive, Drive)
    return drive.volume, site_lab.lab.hypervisor.volumes.path(drive.volume)


def _files(site_lab: SiteLab) -> set[str]:
    with site_lab.driver() as cluster:
        return {volume.id.partition(":")[2] for volume in cluster.read_content(NODE, "local-hdd")}


def test_a_plan_after_an_apply_is_empty_and_everything_is_marked(site_lab: SiteLab) -> None:
    assert site_lab.apply() == 0
    code, out, _ = site_lab.run("plan")
    assert code == 0
    assert out.endswith("\n\nnothing to do: Proxmox is as the site says\n")
    assert "stand-in: debian-13" in out
    with site_lab.driver() as cluster:
        coder = cluster.read_machine(NODE, CODER).config
        assert cluster.read_status(NODE, CODER) == "running"
        assert cluster.read_status(NODE, 4000001) == "stopped"
        keys = cluster.read_machine(NODE, ANSIBLE).config["scsi1"]
    mark = parse_note(str(coder["description"]))
    assert mark is not None
    assert str(mark.address) == "vm/lab-coder"
    assert coder["tags"] == {"homeprod-6f1d0c52", "coder", "lab"}
    assert isinstance(keys, Drive)
    assert ("serial", "ssh_keys") in keys.options
    code, out, _ = site_lab.run("apply", "--yes")
    assert code == 0
    assert out.endswith("\n\nnothing to do: Proxmox is as the site says\n")
    assert "stand-in: debian-13" in site_lab.run("status")[2]


def test_every_write_says_of_which_commit_and_when(site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> tuple[str, str]:
        with site_lab.driver() as cluster:
            mark = parse_note(str(cluster.read_machine(NODE, CODER).config["description"]))
        assert mark is not None
        return mark.commit, mark.time

    def apply_from(commit: str) -> None:
        monkeypatch.setattr("homeprod.cli.apply.read_commit", lambda _: commit)
        assert site_lab.apply() == 0
        assert not site_lab.actions()

    before = tell_time()
    apply_from("aaaaaaaaaaaa")
    commit, made = read()
    assert commit == "aaaaaaaaaaaa"
    assert before <= made <= tell_time()
    apply_from("bbbbbbbbbbbb")  # another commit and another time alone are nothing to do
    assert read() == (commit, made)
    site_lab.edit("lab_coder_vm", '{"coder", "lab"}', '{"builder", "lab"}')
    apply_from("bbbbbbbbbbbb+")
    assert read()[0] == "bbbbbbbbbbbb+"


def test_nobody_to_ask_means_nothing_done(site_lab: SiteLab) -> None:
    code, _, said = site_lab.run("apply")
    assert code == 1
    assert "nobody is there to answer" in said
    assert not site_lab.lab.written()


def test_the_creating_call_carries_the_marks(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-coder")
    (create,) = [call for call in site_lab.lab.calls if call.method == "POST" and call.path.endswith("/qemu")]
    assert NEW_TAG in create.params["tags"]
    assert "homeprod-address: vm/lab-coder" in create.params["description"]


def test_an_unfinished_machine_is_finished_by_the_next_apply(site_lab: SiteLab) -> None:
    """As a kill after the start would leave it: the limit is over before the guest could answer."""
    code, _, said = site_lab.run("apply", "--yes", "--wait-limit", "0.1", "--only", "lab-coder")
    assert code == 3
    assert "vm/lab-coder: the guest agent has not answered within 0.1 s; likely causes:" in said
    assert site_lab.actions("--only", "lab-coder") == [("finish", "vm/lab-coder")]
    code, out, _ = site_lab.run("plan", "--only", "lab-coder")
    assert "> finish vm/lab-coder" in out
    assert site_lab.apply("--only", "lab-coder") == 0
    assert site_lab.actions("--only", "lab-coder") == []


def test_where_nothing_boots_nobody_is_waited_for(
    site_lab: SiteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_drill_lab(site_lab, tmp_path / "state", monkeypatch):
        code, _, said = site_lab.run("--lab", LAB, "apply", "--yes", "--only", "lab-coder")
    assert (code, "not waited for (--no-wait)" in said) == (0, True)
    assert f"note: lab {LAB} boots nothing, so no guest is waited for" in said
    assert "has not answered" not in said
    assert site_lab.actions("--only", "lab-coder") == []


def test_updates_are_made_and_wait_where_they_must(site_lab: SiteLab) -> None:
    site_lab.apply()
    site_lab.edit("_config", "site = SiteConfig(", 'site = SiteConfig(cold_starts="never",')
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB, cores=4, note='Builds.'")
    site_lab.edit("lab_coder_vm", "32 * GiB, on=ssd", "40 * GiB, on=ssd, backup=False")
    site_lab.edit("lab_coder_vm", 'tags={"coder", "lab"}', 'tags={"builder", "lab"}')
    assert site_lab.apply() == 0
    plan = site_lab.plan()
    assert plan["changes"] == []
    assert [notice["message"] for notice in plan["notices"] if notice["address"] == "vm/lab-coder"] == [
        "cores waits for a cold start",
        "memory waits for a cold start",
    ]
    with site_lab.driver() as cluster:
        coder = cluster.read_machine(NODE, CODER)
    assert str(coder.config["description"]).startswith("Builds.\n")
    boot = coder.config["scsi0"]
    assert isinstance(boot, Drive)
    assert (boot.size, dict(boot.options)["backup"]) == (40 * 2**30, "0")


def test_changed_user_data_swaps_the_iso_and_takes_the_old_one_away(site_lab: SiteLab) -> None:
    site_lab.apply()
    before = {file for file in _files(site_lab) if "-lab-coder-" in file}
    site_lab.edit("lab_coder_vm", "people=(ansible, sean)", "people=(sean,)")
    _code, out, _ = site_lab.run("plan")
    assert "cloud-init: " in out
    assert "on re-creation" in out
    assert site_lab.apply() == 0
    after = {file for file in _files(site_lab) if "-lab-coder-" in file}
    assert len(before) == len(after) == 1
    assert before != after
    assert site_lab.actions() == []


def test_the_data_disk_survives_destruction_and_replacement_of_its_consumer(site_lab: SiteLab) -> None:
    site_lab.apply()
    volume, file = _volume_file(site_lab, KEYS, "scsi0")
    file.write_bytes(b"the only copy" + bytes(4096))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    assert site_lab.run("destroy", "lab-ansible", "--yes")[0] == 0
    assert site_lab.actions() == [("create", "vm/lab-ansible")]
    assert site_lab.apply() == 0
    assert site_lab.actions() == []

    site_lab.edit("lab_ansible_vm", "number=22,", "number=22,\n    addresses=(30,),")
    assert site_lab.actions() == [("replace", "vm/lab-ansible")]
    assert site_lab.apply() == 0
    assert site_lab.actions() == []

    attached, _ = _volume_file(site_lab, ANSIBLE, "scsi1")
    assert attached == volume == _volume_file(site_lab, KEYS, "scsi0")[0]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest


def test_what_left_the_site_is_deleted_but_data_vms_never(site_lab: SiteLab) -> None:
    site_lab.apply()
    for module in ("lab_ansible_vm", "lab_ansible_data_vm"):
        (site_lab.root / "modules" / f"{module}.py").unlink()
    _code, out, _ = site_lab.run("plan")
    assert "to be deleted:\n- delete vm/lab-ansible" in out
    assert "data-vm/lab-ansible-data: is no longer in the site; it is kept" in out
    assert site_lab.apply() == 0
    assert site_lab.actions() == []
    _, file = _volume_file(site_lab, KEYS, "scsi0")
    assert file.exists()


def test_many_machines_go_only_by_their_number(site_lab: SiteLab) -> None:
    site_lab.apply()
    for name in ("lab_coder", "lab_ansible", "prod_proxy", "lab_proxy"):
        (site_lab.root / "modules" / f"{name}_vm.py").unlink()
    site_lab.lab.forget_calls()
    for arguments in ((), ("--removals", "3"), ("--removals", "5")):
        code, _, said = site_lab.run("apply", "--yes", *arguments)
        assert code == 1
        assert "nothing was done" in said
    assert "if it is meant, repeat it with:\n\n    --removals 4" in site_lab.run("apply", "--yes")[2]
    assert not site_lab.lab.written()
    assert site_lab.apply("--removals", "4") == 0
    assert site_lab.actions() == []


def _use_elsewhere(site_lab: SiteLab, volume: str) -> None:
    """By a machine that is not the site's."""
    with site_lab.driver() as cluster:
        cluster.wait(cluster.create_machine(NODE, 105, {"name": "nas", "scsi0": Drive(volume)}))


def test_destroying_data_asks_for_the_name_and_refuses_what_is_in_use(site_lab: SiteLab) -> None:
    site_lab.apply()
    volume, file = _volume_file(site_lab, KEYS, "scsi0")
    code, _, said = site_lab.run("destroy", "--data", "lab-ansible-data", "--confirm", "lab-ansible-data")
    assert code == 1
    assert "in use by lab-ansible (4001022)" in said
    assert said.endswith(":\n\n    homeprod destroy lab-ansible\n")
    _use_elsewhere(site_lab, volume)
    said = site_lab.run("destroy", "--data", "lab-ansible-data", "--confirm", "lab-ansible-data")[2]
    assert "in use by lab-ansible (4001022), nas (105)" in said
    assert "detach the disk from the others, in Proxmox;" in said
    assert site_lab.run("destroy", "lab-ansible", "--yes")[0] == 0
    said = site_lab.run("destroy", "--data", "lab-ansible-data", "--confirm", "lab-ansible-data")[2]
    assert "shut it down and detach the disk there first, in Proxmox" in said
    assert "homeprod destroy" not in said
    with site_lab.driver() as cluster:
        cluster.wait(cluster.destroy_machine(NODE, 105))
    for refused in (("--yes",), ("--confirm", "lab-ansible")):
        assert site_lab.run("destroy", "--data", "lab-ansible-data", *refused)[0] == 1
        assert file.exists()
    code, out, _ = site_lab.run("destroy", "--data", "lab-ansible-data", "--confirm", "lab-ansible-data")
    assert code == 0
    assert "everything on it is lost for good" in out
    assert not file.exists()


def test_that_cloud_init_was_not_waited_for_is_said_only_where_it_runs(site_lab: SiteLab) -> None:
    words = "cloud-init's end was not waited for"
    assert words in site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-coder")[2]
    site_lab.edit("lab_coder_vm", 'tags={"coder", "lab"}', 'tags={"builder", "lab"}')
    assert words not in site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-coder")[2]
    assert words not in site_lab.run("destroy", "lab-coder", "--yes", "--no-wait")[2]


def test_destroy_says_what_was_meant(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-ansible")
    code, _, said = site_lab.run("destroy", "lab-ansible-data", "--yes")
    assert code == 64
    assert "homeprod destroy --data lab-ansible-data" in said
    assert site_lab.run("destroy", "nobody", "--yes")[0] == 1


def test_a_renamed_module_is_a_rename_in_place(site_lab: SiteLab) -> None:
    site_lab.apply()
    modules = site_lab.root / "modules"
    (modules / "lab_ansible_vm.py").rename(modules / "lab_control_vm.py")
    (modules / "lab_ansible_data_vm.py").rename(modules / "lab_control_data_vm.py")
    site_lab.edit("lab_control_vm", "lab_ansible_data_vm", "lab_control_data_vm")
    assert site_lab.actions() == [("update", "data-vm/lab-control-data"), ("update", "vm/lab-control")]
    assert site_lab.apply() == 0
    assert site_lab.actions() == []
    with site_lab.driver() as cluster:
        assert cluster.read_machine(NODE, ANSIBLE).config["name"] == "lab-control"
        assert cluster.read_machine(NODE, KEYS).config["name"] == "lab-control-data"


def test_a_machine_stopped_by_hand_is_started_only_when_asked(site_lab: SiteLab) -> None:
    site_lab.apply()
    site_lab.lab.power_off(CODER)
    assert site_lab.actions() == []
    assert site_lab.apply() == 0
    with site_lab.driver() as cluster:
        assert cluster.read_status(NODE, CODER) == "stopped"
        assert site_lab.apply("--start") == 0
        assert cluster.read_status(NODE, CODER) == "running"


def test_a_control_node_that_was_started_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_site_lab(tmp_path, monkeypatch, capsys, is_configured=True) as site_lab:
        site_lab.apply("--only", "lab-ansible")
        site_lab.lab.power_off(ANSIBLE)
        code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-ansible", "--start")
    assert code == 0
    assert "lab-ansible was started, so it is Locked" in said
    assert "\n  ssh -t lab-ansible unlock\n" in said


def test_a_kept_plan_is_applied_as_it_was_or_not_at_all(site_lab: SiteLab, tmp_path: Path) -> None:
    kept = tmp_path / "plan.json"
    code, _, said = site_lab.run("plan", "--out", str(kept), "--only", "lab-coder")
    assert code == 2
    assert f"homeprod apply {kept}" in said
    assert site_lab.lab.token.partition("=")[2] not in kept.read_text()
    code, _, said = site_lab.run("apply", "--yes", "--only", "lab-proxy", str(kept))
    assert code == 64
    assert "without --only or --start" in said
    assert site_lab.apply(str(kept)) == 0
    assert site_lab.actions("--only", "lab-coder") == []
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", str(kept))
    assert code == 1
    assert "the plan is stale, and nothing was done; what moved since: vm/lab-coder" in said

    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    site_lab.run("plan", "--out", str(kept))
    site_lab.edit("lab_coder_vm", "memory=3 * GiB", "memory=4 * GiB")
    code, _, said = site_lab.run("apply", "--yes", str(kept))
    assert code == 1
    assert "vm/lab-coder" in said
    for text in ("{", "[]", '{"homeprod-plan": 99}', json.dumps({"homeprod-plan": 1, "site": "other"})):
        kept.write_text(text)
        assert site_lab.run("apply", "--yes", str(kept))[0] == 64


def test_a_change_by_somebody_else_between_plan_and_write_is_never_overwritten(site_lab: SiteLab) -> None:
    site_lab.apply()
    site_lab.edit("lab_coder_vm", 'tags={"coder", "lab"}', 'tags={"builder", "lab"}')
    has_written = threading.Event()

    def move(received: object) -> InjectedFault | None:
        path, method = getattr(received, "path", ""), getattr(received, "method", "")
        if method == "POST" and path.endswith(f"/qemu/{CODER}/config") and not has_written.is_set():
            has_written.set()  # in the lab's own loop, so straight at its store, as another client's write would be
            store = site_lab.lab.hypervisor.machines
            text = print_document(store.read(NODE, CODER).document)
            store.write_text(CODER, NODE, f"balloon: 0\n{text}")
        return None

    site_lab.lab.on_call = move
    code, _, said = site_lab.run("apply", "--yes", "--no-wait")
    assert code == 1
    assert "somebody changed this machine since the plan was made" in said
    with site_lab.driver() as cluster:
        assert "coder" in cluster.read_machine(NODE, CODER).config["tags"]  # type: ignore[operator]


def test_one_failure_leaves_the_rest_done_and_the_next_apply_goes_on(site_lab: SiteLab) -> None:
    def refuse(received: object) -> InjectedFault | None:
        params, path = getattr(received, "params", {}), getattr(received, "path", "")
        if path.endswith("/qemu") and params.get("vmid") in (KEYS, str(KEYS)):
            return InjectedFault(status=500, reason="no space left on device")
        return None

    site_lab.lab.on_call = refuse
    code, _, said = site_lab.run("apply", "--yes", "--no-wait")
    assert code == 1
    assert "data-vm/lab-ansible-data" in said
    assert "the storage is full" in said
    assert "not begun: vm/lab-ansible" in said
    site_lab.lab.on_call = None
    assert site_lab.actions() == [("create", "data-vm/lab-ansible-data"), ("create", "vm/lab-ansible")]
    assert site_lab.apply() == 0
    assert site_lab.actions() == []


def test_a_lock_that_is_taken_is_waited_for(site_lab: SiteLab) -> None:
    refusals = iter(range(2))

    def lock(received: object) -> InjectedFault | None:
        path, method = getattr(received, "path", ""), getattr(received, "method", "")
        if method == "POST" and path.endswith(f"/qemu/{CODER}/status/start") and next(refusals, None) is not None:
            return InjectedFault(status=500, reason="can't lock file '/var/lock/x' - got timeout")
        return None

    site_lab.lab.on_call = lock
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-coder")
    assert code == 0
    assert "trying again (2 of 5)" in said


def test_status_says_how_every_machine_is(site_lab: SiteLab) -> None:
    rows = json.loads(site_lab.run("status", "--json")[1])["machines"]
    assert {row["state"] for row in rows} == {"not there"}
    site_lab.apply()
    code, out, _ = site_lab.run("status")
    assert code == 0
    assert "holds disks" in out
    rows = {row["name"]: row for row in json.loads(site_lab.run("status", "--json")[1])["machines"]}
    assert rows["lab-coder"]["state"] == "running"
    assert rows["prod-ansible"]["state"] == "stopped"
    assert {row["plan"] for row in rows.values()} == {"as declared"}


def test_the_token_is_written_nowhere(site_lab: SiteLab, tmp_path: Path) -> None:
    """Not by us, and not by the lab either, but for the file that is there to hold it."""
    secret = site_lab.lab.token.partition("=")[2].encode()
    site_lab.run("plan", "--out", str(tmp_path / "plan.json"))
    assert site_lab.apply(str(tmp_path / "plan.json")) == 0
    assert site_lab.run("destroy", "lab-coder", "--yes")[0] == 0
    found = [file for folder in (tmp_path, site_lab.lab.folder) for file in folder.rglob("*") if file.is_file()]
    files = [file for file in found if file.stat().st_size < 2**22]  # the others are the machines' empty disks
    assert len(files) > 20
    assert [file.name for file in files if secret in file.read_bytes()] == ["token"]

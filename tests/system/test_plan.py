"""plan against the lab's API: what it says, what it costs, and that it writes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.system.site_lab import NODE, SiteLab, open_site_lab

from homeprod.lab.spec import StorageSpec
from homeprod.plan.bundle import bundle_name
from homeprod.site.loader import load_site

MACHINES, CONTENTS = 8, 1


def test_an_empty_cluster_gets_everything_and_nothing_is_written(site_lab: SiteLab) -> None:
    site_lab.lab.forget_calls()
    code, out, _ = site_lab.run("plan", "--json")
    plan = json.loads(out)
    assert code == 2
    assert [change["action"] for change in plan["changes"]] == ["create"] * (MACHINES + 1)  # and the bundle
    assert not plan["conflicts"]
    assert plan["api_calls"] == MACHINES + CONTENTS + 3
    assert len(site_lab.lab.calls) == plan["api_calls"]
    assert not site_lab.lab.written()


def test_a_plan_of_what_is_there_costs_the_same_and_writes_nothing(site_lab: SiteLab) -> None:
    assert site_lab.apply() == 0
    site_lab.lab.forget_calls()
    plan = site_lab.plan()
    assert (plan["changes"], plan["api_calls"]) == ([], MACHINES + CONTENTS + 3)
    assert len(site_lab.lab.calls) == plan["api_calls"]
    assert not site_lab.lab.written()


def test_a_strangers_machine_on_our_vmid_is_a_conflict(site_lab: SiteLab) -> None:
    with site_lab.driver() as cluster:
        cluster.wait(cluster.create_machine(NODE, 4001021, {"name": "stranger"}))
    code, out, _ = site_lab.run("plan", "--json")
    assert code == 1
    assert [conflict["address"] for conflict in json.loads(out)["conflicts"]] == ["vm/lab-coder"]
    code, _, said = site_lab.run("apply", "--yes", "--no-wait")
    assert code == 1
    assert "VMID 4001021 is held by 'stranger'" in said
    assert len([call for call in site_lab.lab.written() if call.path.endswith("/qemu")]) == 1


def test_a_person_reads_what_changes_from_what_to_what_and_when(site_lab: SiteLab) -> None:
    site_lab.apply()
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    code, out, _ = site_lab.run("plan")
    assert code == 2
    assert "~ update vm/lab-coder  VMID 4001021 on proxmox-1" in out
    assert "memory: 2048 MiB → 3072 MiB  after a cold start" in out
    assert out.splitlines()[-1] == "1 to update, 1 to cold start"


def test_only_takes_what_a_machine_is_made_from(site_lab: SiteLab) -> None:
    bundle = bundle_name(load_site(site_lab.root))
    assert site_lab.actions("--only", "lab-ansible") == [
        ("create", f"iso/{bundle}"),
        ("create", "data-vm/lab-ansible-data"),
        ("create", "vm/lab-ansible"),
    ]
    code, _, said = site_lab.run("plan", "--only", "nobody")
    assert code == 64
    assert "lab-coder" in said


@pytest.mark.parametrize(
    ("storages", "nodes", "words"),
    [
        ((StorageSpec("local-hdd"),), (NODE,), "has no storage local-nvme"),
        (
            (StorageSpec("local-nvme", "lvmthin", ("images",)), StorageSpec("local-hdd", content=("images", "iso"))),
            (NODE,),
            "does not take content import",
        ),
        ((StorageSpec("local-nvme"), StorageSpec("local-hdd")), ("elsewhere",), "the cluster has no node proxmox-1"),
    ],
)
def test_what_is_not_there_is_found_before_the_first_write(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    storages: tuple[StorageSpec, ...],
    nodes: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.setattr("tests.system.site_lab.desire_images", lambda _: ())
    with open_site_lab(tmp_path, monkeypatch, capsys, storages=storages, nodes=nodes) as site_lab:
        code, out, _ = site_lab.run("plan")
        assert code == 1
        assert words in out
        code, _, said = site_lab.run("apply", "--yes", "--no-wait")
        assert code == 1
        assert words in said
        assert not site_lab.lab.written()

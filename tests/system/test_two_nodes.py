"""Machines on two nodes: made, replaced and found where they are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.system.site_lab import NODE, STORAGES, SiteLab, open_site_lab

OTHER = "proxmox-2"
ANSIBLE, CODER = 4001022, 4001021
Open = tuple[Path, pytest.MonkeyPatch, pytest.CaptureFixture[str]]
SHARED = tuple(dataclasses.replace(storage, is_shared=True) for storage in STORAGES)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Open:
    return tmp_path, monkeypatch, capsys


def _node_of(site_lab: SiteLab, vmid: int) -> str:
    with site_lab.driver() as cluster:
        return next(machine.node for machine in cluster.read_resources().machines if machine.vmid == vmid)


def test_a_data_vm_on_another_node_is_found_there_though_it_was_just_made(place: Open) -> None:
    with open_site_lab(*place, storages=SHARED, nodes=(NODE, OTHER)) as site_lab:
        site_lab.edit("lab_ansible_data_vm", "number=22,", f"number=22, node='{OTHER}',")
        assert site_lab.apply("--only", "lab-ansible") == 0
        assert site_lab.actions("--only", "lab-ansible") == []


def test_a_machine_on_the_wrong_node_is_replaced_onto_the_right_one(place: Open) -> None:
    with open_site_lab(*place, storages=SHARED, nodes=(NODE, OTHER)) as site_lab:
        site_lab.edit("lab_coder_vm", "number=21,", f"number=21, node='{OTHER}',")
        assert site_lab.apply("--only", "lab-coder") == 0
        site_lab.edit("lab_coder_vm", f"node='{OTHER}',", "")
        assert site_lab.actions("--only", "lab-coder") == []
        assert f"is on the node {OTHER}, the site says {NODE}" in site_lab.run("plan", "--only", "lab-coder")[1]
        site_lab.edit("lab_coder_vm", "number=21,", "number=21, addresses=(30,),")
        assert site_lab.apply("--only", "lab-coder") == 0
        assert _node_of(site_lab, CODER) == NODE
        assert site_lab.actions("--only", "lab-coder") == []


def test_a_data_vm_whose_storage_the_other_node_does_not_reach_is_a_conflict(place: Open) -> None:
    with open_site_lab(*place, nodes=(NODE, OTHER)) as site_lab:
        site_lab.edit("lab_ansible_data_vm", "number=22,", f"number=22, node='{OTHER}',")
        code, out, _ = site_lab.run("plan", "--only", "lab-ansible")
        assert code == 1
        assert f"ssh_keys lies on local-hdd of the node {OTHER}, which the node {NODE} does not reach" in out

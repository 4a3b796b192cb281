"""What others do to a cluster and to a plan, met by `apply`: one clear error each, or put right; nothing harmed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.system.site_lab import NODE, SiteLab, open_site_lab

from homeprod.core.sizes import GiB
from homeprod.lab.machine.document import print_document
from homeprod.lab.spec import StorageSpec

CODER, ANSIBLE = 4001021, 4001022


def _ignore_shutdown(site_lab: SiteLab) -> None:
    async def never(_: int, timeout: float) -> bool:
        await asyncio.sleep(timeout)
        return False

    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(shutdown_limit=1,")
    site_lab.lab.hypervisor.runner.shutdown = never  # type: ignore[method-assign]


def _status(site_lab: SiteLab, vmid: int) -> str:
    with site_lab.driver() as cluster:
        return cluster.read_status(NODE, vmid)


def test_a_guest_that_ignores_shutdown_keeps_its_data_disk_and_runs_on(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-ansible")
    _ignore_shutdown(site_lab)
    site_lab.edit("lab_ansible_vm", "number=22,", "number=22, addresses=(30,),")
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-ansible")
    assert code == 1
    assert said.count("error: ") == 1
    assert "did not shut down within 1 s, and has a data disk mounted; it still runs, nothing was lost" in said
    assert "--force-stop" in said
    assert _status(site_lab, ANSIBLE) == "running"
    assert site_lab.apply("--only", "lab-ansible", "--force-stop") == 0
    assert site_lab.actions("--only", "lab-ansible") == []


def test_one_without_a_data_disk_is_stopped_hard(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-coder")
    _ignore_shutdown(site_lab)
    code, _, said = site_lab.run("destroy", "lab-coder", "--yes")
    assert code == 0
    assert "pulling the plug" in said


@pytest.mark.parametrize("version", ["8.4.5", "9.2.3"])
def test_tags_that_somebody_rewrote_are_put_back(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """8.4 stores them as they are sent; 9.x lower-cases and sorts them, and takes doubles away."""
    with open_site_lab(tmp_path, monkeypatch, capsys, version=version) as site_lab:
        assert site_lab.apply("--only", "lab-coder") == 0

        def write(tags: str) -> None:
            store = site_lab.lab.hypervisor.machines
            text = print_document(store.read(NODE, CODER).document)
            lines = [f"tags: {tags}" if line.startswith("tags:") else line for line in text.splitlines()]
            site_lab.lab.do(lambda _: store.write_text(CODER, NODE, "\n".join(lines) + "\n"))

        write("lab;coder;lab;homeprod-6f1d0c52;coder")  # other order, doubles: the same set
        assert site_lab.actions("--only", "lab-coder") == []
        write("LAB,coder;homeprod-6f1d0c52")
        [change] = site_lab.plan("--only", "lab-coder")["changes"]
        assert change["differences"][0]["new"] == "coder homeprod-6f1d0c52 lab"
        assert site_lab.apply("--only", "lab-coder") == 0
        assert site_lab.actions("--only", "lab-coder") == []


def _of_other_site(content: dict[str, Any]) -> None:
    content["site"] = "11111111-2222-4333-8444-555555555555"


def _of_other_release(content: dict[str, Any]) -> None:
    content["homeprod-plan"] = 99
    content["later"] = True


def _aim_elsewhere(content: dict[str, Any]) -> None:
    content["changes"][-1]["vmid"] = 100


def _drop_change(content: dict[str, Any]) -> None:
    content["changes"].pop()


def _add_deletion(content: dict[str, Any]) -> None:
    content["changes"].append({**content["changes"][-1], "action": "delete"})


def _lie_about_basis(content: dict[str, Any]) -> None:
    content["basis"] = dict.fromkeys(content["basis"], "0" * 40)


EDITS: list[tuple[Callable[[dict[str, Any]], None], int, str, str]] = [
    (_of_other_site, 64, "a plan of another site", "this site is"),
    (_of_other_release, 64, "a plan of another release of homeprod", "homeprod plan --out FILE"),
    (_aim_elsewhere, 1, "what moved since: vm/lab-coder", "homeprod plan"),
    (_drop_change, 1, "what moved since: vm/lab-coder", "homeprod plan"),
    (_add_deletion, 1, "what moved since: vm/lab-coder", "homeprod plan"),
    (_lie_about_basis, 1, "what moved since: ", "homeprod plan"),
]


def test_a_plan_file_that_is_not_this_plan_does_nothing(site_lab: SiteLab, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    assert site_lab.run("plan", "--only", "lab-coder", "--out", str(file))[0] == 2
    good = file.read_text()
    for edit, expected, message, hint in EDITS:
        content = json.loads(good)
        edit(content)
        file.write_text(json.dumps(content))
        code, _, said = site_lab.run("apply", "--yes", str(file))
        assert (code, said.count("error: ")) == (expected, 1), (edit.__name__, said)
        assert message in said
        assert hint in said
    assert not site_lab.lab.written()
    file.write_text(good)
    assert site_lab.run("apply", "--yes", "--no-wait", str(file))[0] == 0


@pytest.mark.parametrize("kind", ["lvm", "lvmthin"])
def test_disks_that_do_not_fit_are_refused_or_told_before_the_first_write(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    storages = (StorageSpec("local-nvme", kind, ("images",), size=40 * GiB), StorageSpec("local-hdd"))
    with open_site_lab(tmp_path, monkeypatch, capsys, storages=storages) as site_lab:
        site_lab.lab.forget_calls()
        code, out, said = site_lab.run("apply", "--yes", "--no-wait")
        assert "the new disks on local-nvme of the node proxmox-1" in out
        if kind == "lvm":
            assert code == 1
            assert "40 GiB are free there" in said
            assert not site_lab.lab.written()
            assert site_lab.apply("--only", "lab-coder") == 0  # alone it fits
        else:
            assert code == 0
            assert site_lab.actions() == []

"""history against the lab's API: what was done, by whom, and of which commit each machine is."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.drivers.target import open_target
from tests.reference_schema import open_validator
from tests.system.site_lab import NODE, SiteLab, open_site_lab

from homeprod.core.errors import ProxmoxError

CODER = 4001021
FORM = open_validator("history")


def _history(site_lab: SiteLab, *arguments: str) -> dict[str, Any]:
    code, out, said = site_lab.run("history", "--json", *arguments)
    assert (code, said) == (0, "")
    told = json.loads(out)
    FORM.validate(told)
    return dict(told)


def _do_as_ann(site_lab: SiteLab) -> None:
    """Somebody else, with a token of their own, stops one of our machines, and fails to start it twice."""
    rights = {"/": {"VM.Audit", "VM.PowerMgmt", "Sys.Audit"}}
    token = site_lab.lab.add_token("ann", rights)
    with closing(open_target(site_lab.lab.url, token, site_lab.lab.ca_file)) as ann:
        ann.wait(ann.stop_machine(NODE, CODER))
        ann.wait(ann.start_machine(NODE, CODER))
        with pytest.raises(ProxmoxError):
            ann.wait(ann.start_machine(NODE, CODER))
        ann.wait(ann.stop_machine(NODE, CODER))


def test_what_was_done_by_whom_to_one_machine(site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.cli.apply.read_commit", lambda _: "abc123456789+")
    assert site_lab.apply() == 0
    _do_as_ann(site_lab)
    site_lab.lab.forget_calls()
    told = _history(site_lab, "lab-coder")
    assert not site_lab.lab.written()
    us = site_lab.lab.token.partition("=")[0]
    seen = [(deed["what"], deed["who"], deed["result"]) for deed in told["deeds"]]
    assert seen[:4] == [
        ("stopped hard", "root@pam!ann", "ok"),
        ("started", "root@pam!ann", "failed: VM 4001021 already running"),
        ("started", "root@pam!ann", "ok"),
        ("stopped hard", "root@pam!ann", "ok"),
    ]
    assert seen[-1] == ("made", us, "ok")
    assert {deed["on"] for deed in told["deeds"]} == {"vm/lab-coder"}
    [mark] = told["marks"]
    assert (mark["address"], mark["vmid"], mark["commit"]) == ("vm/lab-coder", CODER, "abc123456789+")
    assert told["deeds"][-1]["when"] <= mark["time"] <= told["deeds"][0]["when"]
    assert [deed["what"] for deed in _history(site_lab, str(CODER), "--errors")["deeds"]] == ["started"]
    assert _history(site_lab, "lab-coder", "--limit", "2")["deeds"] == told["deeds"][:2]


def test_the_whole_site_and_nothing_of_others(site_lab: SiteLab) -> None:
    assert site_lab.apply() == 0
    with site_lab.driver() as cluster:
        cluster.wait(cluster.create_machine(NODE, 777, {"name": "stranger"}))
    told = _history(site_lab)
    made = {deed["on"] for deed in told["deeds"] if deed["what"] == "made"}
    assert made == {mark["address"] for mark in told["marks"]}
    assert len(made) == 8
    code, out, _ = site_lab.run("history")
    assert code == 0
    assert out.splitlines()[0].split() == ["WHEN", "WHO", "WHAT", "ON", "RESULT"]
    assert "stranger" not in out
    assert "777" not in out


def test_a_machine_that_is_gone_is_remembered_by_its_vmid(site_lab: SiteLab) -> None:
    assert site_lab.apply() == 0
    (site_lab.root / "modules" / "lab_coder_vm.py").unlink()
    assert site_lab.apply() == 0
    told = _history(site_lab, str(CODER))
    assert [deed["what"] for deed in told["deeds"] if deed["kind"] in ("qmcreate", "qmdestroy")] == [
        "destroyed",
        "made",
    ]
    assert told["marks"] == []
    code, _, said = site_lab.run("history", "lab-coder")
    assert code == 64
    assert "the site has no machine 'lab-coder'" in said


def test_who_may_not_see_others_tasks_is_told(site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert site_lab.apply() == 0
    token = site_lab.lab.add_token("less", {"/": {"VM.Audit", "Datastore.Audit"}})
    monkeypatch.setenv("HOMEPROD_TOKEN", token)
    code, out, said = site_lab.run("history")
    assert code == 0
    assert "Proxmox's task log holds nothing of it" in out
    assert f"of the node {NODE} only this token's own tasks are shown" in said


def test_several_nodes_and_long_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("homeprod.engine.history.PAGE", 3)
    with open_site_lab(tmp_path, monkeypatch, capsys, nodes=(NODE, "proxmox-2")) as site_lab:
        site_lab.edit("lab_coder_vm", "number=21", 'number=21,\n    node="proxmox-2"')
        assert site_lab.apply() == 0
        deeds = _history(site_lab)["deeds"]
        assert {deed["node"] for deed in deeds if deed["what"] == "made"} == {NODE, "proxmox-2"}
        assert [deed["when"] for deed in deeds] == sorted((deed["when"] for deed in deeds), reverse=True)
        assert site_lab.run("history")[1].splitlines()[0].split() == ["WHEN", "WHO", "WHAT", "ON", "NODE", "RESULT"]

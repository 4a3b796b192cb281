"""plan against the lab's API: what it says, what it costs, and that it writes nothing."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from tests.lab_server import LabServer

from homeprod.cli.main import main
from homeprod.drivers.proxmox import open_hypervisor, resolve_settings
from homeprod.lab.spec import LabSpec, StorageSpec

PEGASUS = Path(__file__).parents[2] / "examples" / "pegasus"
SPEC = LabSpec(
    name="pegasus",
    boot=False,
    nodes=("proxmox-1",),
    storages=(StorageSpec("local-nvme", "lvmthin", ("images",)), StorageSpec("local-hdd")),
)


def _plan(lab: LabServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:  # type: ignore[type-arg]
    monkeypatch.setenv("HOMEPROD_ENDPOINT", lab.url)
    monkeypatch.setenv("HOMEPROD_TOKEN", lab.token)
    monkeypatch.setenv("HOMEPROD_CA_FILE", str(lab.ca_file))
    code = main(["--site", str(PEGASUS), "plan", "--json"])
    said = capsys.readouterr()
    assert lab.token.partition("=")[2] not in said.out + said.err
    return code, json.loads(said.out)


def test_an_empty_cluster_gets_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LabServer(SPEC) as lab:
        code, plan = _plan(lab, monkeypatch, capsys)
        assert code == 2
        assert {change["action"] for change in plan["changes"]} == {"create"}
        assert len(plan["changes"]) == 8
        assert plan["api_calls"] == 8 + 2
        assert len(lab.calls) == plan["api_calls"]
        assert not [call for call in lab.calls if call.writes]


def test_a_strangers_machine_on_our_vmid_is_a_conflict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LabServer(SPEC) as lab:
        monkeypatch.setenv("HOMEPROD_ENDPOINT", lab.url)
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        with closing(open_hypervisor(resolve_settings(env))) as cluster:
            cluster.wait(cluster.create_machine("proxmox-1", 4001021, {"name": "stranger"}))
        code, plan = _plan(lab, monkeypatch, capsys)
        assert code == 1
        assert [conflict["address"] for conflict in plan["conflicts"]] == ["vm/lab-coder"]

"""All of pegasus made on the lab's API, without booting; the plan after it says only that machines are unfinished."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from tests.lab_server import LabServer

from homeprod.cli.main import main
from homeprod.drivers.proxmox import open_hypervisor, resolve_settings
from homeprod.engine.create import Creation, create_machine
from homeprod.engine.read import read_actual
from homeprod.lab.spec import LabSpec, SeedSpec, StorageSpec
from homeprod.plan.change import Action
from homeprod.plan.config import Drive
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.site.loader import load_site

SITE = load_site(Path(__file__).parents[2] / "examples" / "pegasus")
DESIRED = desire(SITE)
IMAGES = sorted({d.import_from for m in DESIRED.values() for d in m.disks.values() if d.import_from})
SPEC = LabSpec(
    name="pegasus",
    boot=False,
    nodes=("proxmox-1",),
    storages=(StorageSpec("local-nvme", "lvmthin", ("images",)), StorageSpec("local-hdd")),
    seeds=tuple(SeedSpec(volume, "debian-13") for volume in IMAGES),
)


def test_pegasus_is_made_as_desired() -> None:
    with LabServer(SPEC) as lab:
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        with closing(open_hypervisor(resolve_settings(env))) as cluster:
            words: list[str] = []
            for _, machine in sorted(DESIRED.items()):  # data VMs sort first
                create_machine(Creation(SITE, cluster, machine, "1a2b3c"), words.append)
            actual = read_actual(cluster, SITE.config.id, DESIRED)
            plan = diff(SITE.config.id, DESIRED, actual)

    assert not plan.conflicts
    assert {(change.action, str(change.address)) for change in plan.changes} == {
        (Action.FINISH, str(address)) for address in DESIRED if address.kind == "vm"
    }
    keys = actual[4001022].config.config["scsi1"]
    assert isinstance(keys, Drive)
    assert keys.volume.endswith("vm-94001022-disk-0.raw") or keys.volume.endswith("vm-94001022-disk-0")
    assert ("serial", "ssh_keys") in keys.options
    assert actual[4000001].listed.status == "stopped"
    assert actual[4001021].listed.status == "running"


def test_apply_then_plan_is_empty(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with LabServer(SPEC) as lab:
        monkeypatch.setenv("HOMEPROD_ENDPOINT", lab.url)
        monkeypatch.setenv("HOMEPROD_TOKEN", lab.token)
        monkeypatch.setenv("HOMEPROD_CA_FILE", str(lab.ca_file))
        site = ["--site", str(SITE.root)]
        assert main([*site, "apply"]) == 1  # nobody to ask
        assert not [call for call in lab.calls if call.writes]
        assert main([*site, "apply", "--yes"]) == 3
        assert main([*site, "plan"]) == 0
        assert main([*site, "apply", "--yes"]) == 0
    assert "nothing to do" in capsys.readouterr().out

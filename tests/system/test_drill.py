"""A drill on a lab that boots nothing: the data VMs stay as they are, bit for bit, all else is made anew; cut off
anywhere, the same command goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.lab_server import InjectedFault
from tests.reference_schema import open_validator
from tests.system.drill_lab import ANSIBLE, CODER, DATA, LAB, PROXY, DrillLab, open_drill_lab
from tests.system.site_lab import SiteLab

from homeprod.cli.main import main
from homeprod.cli.render import silence

STEP = int(os.environ.get("HOMEPROD_DRILL_STEP", "60"))
"""Calls between two that are tried; the soak tries all."""
NAMES = ("lab-ansible", "lab-coder", "lab-proxy", "prod-ansible", "prod-proxy", "prod-proxy-passthrough")


@pytest.fixture
def lab(site_lab: SiteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DrillLab]:
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=1,")
    assert site_lab.apply() == 0
    with open_drill_lab(site_lab, tmp_path / "state", monkeypatch) as lab:
        yield lab


def test_all_but_the_data_vms_is_made_anew(lab: DrillLab) -> None:
    ((volume, file),) = lab.data_files().items()
    with file.open("r+b") as content:
        content.seek(4096)
        content.write(os.urandom(65536))
    before, written = lab.lives(), _read(file)
    lab.site_lab.lab.forget_calls()
    told = lab.report("--all", "--yes", "--out", str(lab.root / "report.json"))
    open_validator("drill").validate(told)
    assert json.loads((lab.root / "report.json").read_text()) == told
    after = lab.lives()
    assert before.keys() == after.keys()
    kept = {vmid for vmid in before if vmid > 90_000_000}
    assert {vmid for vmid in before if before[vmid] == after[vmid]} == kept
    assert lab.data_files() == {volume: file}
    assert _read(file) == written
    assert told["verdict"] == "not proven"
    assert {one["name"] for one in told["machines"]} == {*NAMES}
    assert all(
        one["before"] != one["after"] and None not in (one["destroyed"], one["created"]) for one in told["machines"]
    )
    states = {phase["name"]: phase["state"] for phase in told["phases"]}
    done, out = dict.fromkeys(("look", "destroy", "create", "compare"), "done"), ("unlock", "configure", "serve")
    assert states == done | dict.fromkeys(out, "left out")
    assert {disk["problem"] for disk in told["disks"]} == {""}
    assert f"data-vm/lab-ansible-data scsi0 {volume}" in [
        f"{disk['owner']} {disk['slot']} {disk['volume']}" for disk in told["disks"]
    ]
    assert lab.note() is None
    calls = lab.site_lab.lab.written()
    purged = [call for call in calls if call.method == "DELETE" and call.params.get("purge") not in (None, "0", 0)]
    assert purged == [], "backup jobs would have lost them"
    assert [call for call in calls if f"/qemu/{DATA}" in call.path] == []
    assert lab.site_lab.actions() == []


def _read(file: Path) -> tuple[int, int, int, bytes]:
    """Which file it is, its size, what it takes on the disk, and what was written; the rest of a GiB is a hole."""
    state = file.stat()
    with file.open("rb") as content:
        return state.st_ino, state.st_size, state.st_blocks, content.read(131_072)


def test_a_named_machine_alone_goes_and_a_person_is_told_before(lab: DrillLab) -> None:
    before = lab.lives()
    code, out, said = lab.drill("lab-proxy", "--yes")
    assert code == 3
    assert {vmid for vmid, life in lab.lives().items() if life != before[vmid]} == {PROXY}
    losses, _, report = out.partition("\nPHASE ")
    assert "goes for good, with everything on it:\n  lab-proxy  VMID 5000000  scsi0: local-nvme:" in losses
    assert "nothing at all stays of these, which have no data disk: lab-proxy" in losses
    assert "data-vm/lab-ansible-data  scsi0 ssh_keys: local-hdd:" in losses
    assert "left as they are: lab-ansible, lab-coder, prod-ansible, prod-proxy, prod-proxy-passthrough" in losses
    assert "note: the site is in no git" in said
    assert "1 machine in " in report
    assert "\n| 20" in report


def _drill(env: dict[str, str], words: tuple[str, ...]) -> None:
    """The target of a process that is killed."""
    os.environ.update(env)
    for stream in (sys.stdout, sys.stderr):
        silence(stream)
    main(words)


def _be_killed(lab: DrillLab, words: tuple[str, ...], number: int) -> None:
    """In a process of its own, at that call, which takes effect all the same."""
    server, context = lab.site_lab.lab, multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    env = {**lab.site_lab.env, "XDG_STATE_HOME": str(lab.root), "HOMEPROD_BUNDLE": os.environ["HOMEPROD_BUNDLE"]}
    line = ("--site", str(lab.site_lab.root), "--lab", LAB, "drill", "rebuild", *words)
    process = context.Process(target=_drill, args=(env, line), daemon=True)

    def strike(_: object) -> InjectedFault | None:
        if len(server.calls) != number or process.pid is None:
            return None
        os.kill(process.pid, signal.SIGKILL)
        return InjectedFault("after", cut=True)

    server.forget_calls()
    server.on_call = strike
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)  # the last calls are looks at tasks, of which there may be fewer
    server.on_call = None
    server.settle()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_anywhere_the_same_command_goes_on(lab: DrillLab, figure: Figure) -> None:
    """At every so many calls that a whole drill takes; the machines of the drill before are those of the next."""
    names = ("lab-ansible", "lab-coder")
    lab.site_lab.lab.forget_calls()
    assert lab.drill(*names, "--yes")[0] == 3
    count, files = len(lab.site_lab.lab.calls), lab.data_files()
    resumed = 0
    for number in range(1, count, STEP):
        before = lab.lives()
        _be_killed(lab, (*names, "--yes"), number)
        kept = lab.note()
        told = lab.report(*names, "--yes")
        assert told.get("exit_code") == 3, (number, told)
        assert told["is_resumed"] == (kept is not None), number
        resumed += told["is_resumed"]
        changed = {vmid for vmid, life in lab.lives().items() if life != before.get(vmid)}
        assert changed == {ANSIBLE, CODER}, number
        assert lab.data_files() == files
        assert (lab.note(), lab.site_lab.actions()) == (None, []), number
    assert resumed > count / STEP / 2
    figure(f"drill: killed at {len(range(1, count, STEP))} of {count} calls, {resumed} gone on with")

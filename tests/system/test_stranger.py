"""Every managed attribute, changed by a stranger's hand: the plan says so in the right words, apply puts it right,
and the plan after that is empty. Values that wait for a cold start are said to, and come by one where it is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.system.stranger_cases import CASES, Case
from tests.system.stranger_lab import DATA_VM, NODE, VM, StrangerLab, open_stranger_lab

from homeprod.cli.showplan import show_plan
from homeprod.plan.attributes import ATTRIBUTES
from homeprod.plan.change import Action
from homeprod.plan.config import Config, Drive
from homeprod.plan.mark import COLD_TAG
from homeprod.plan.plan import Plan

WAITS = {"running": "after a cold start", "stopped": "live", "unplugged": "after a cold start"}


@pytest.fixture(scope="module")
def lab() -> Iterator[StrangerLab]:
    with open_stranger_lab() as lab:
        yield lab


@pytest.fixture
def settled(lab: StrangerLab) -> StrangerLab:
    if lab.cluster.read_machines([(NODE, VM)])[VM] is not None and "hotplug" in lab.read(VM):
        lab.set(VM, delete=("hotplug",))
        lab.restart()
    lab.settle()
    return lab


ELSEWHERE = {("vm", "ide0"), ("vm", "bundle")}
"""Of control nodes alone: test_control_node.py."""


def test_every_row_has_a_case() -> None:
    covered = {row for case in CASES for row in case.rows} | ELSEWHERE
    assert covered == {(row.resource, row.name) for row in ATTRIBUTES}


def _list_lines(plan: Plan, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """What a person reads of the differences and of files; not the power, nor what a machine that is made will be."""
    capsys.readouterr()
    show_plan(plan)
    lines = capsys.readouterr().out.splitlines()
    files = {f"{c.action.value} {c.volume if c.action is Action.CREATE else c.address.name}" for c in plan.changes
             if c.address.kind in ("image", "iso")}  # fmt: skip
    return {line.strip() for line in lines if " → " in line} | files


def _read(lab: StrangerLab) -> dict[int, Config]:
    """All but the note, whose commit and nonce move, and what Proxmox draws, or keeps of a data VM by itself."""
    drawn = {VM: {"description", "meta", "vmgenid", "smbios1"}}
    drawn[DATA_VM] = drawn[VM] | {"boot"}
    return {vmid: {key: value for key, value in lab.read(vmid).items() if key not in drawn[vmid]} for vmid in drawn}


def _check(lab: StrangerLab, case: Case, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = _read(lab)
    words = {**lab.words(), "waits": WAITS[state]}
    case.hand(lab)
    if state != "stopped":
        lab.restart()
    expected = {line.format(**words) for line in case.lines}
    if state == "unplugged":
        expected = {line.replace("  live", "  after a cold start") for line in expected}
    plan = lab.plan("allowed")
    assert not plan.conflicts
    # A disk that grew behind the machine's back is in the cold start alone.
    assert _list_lines(plan, capsys) == expected
    is_waiting = any("after a cold start" in line for line in expected)
    assert bool(plan.of(Action.COLD_START)) == is_waiting

    lab.apply("never")
    left = lab.plan("never")
    assert [c for c in left.changes if c.action is not Action.START] == []
    waiting = {notice.message for notice in left.notices if "cold start" in notice.message}
    names = {line.partition(":")[0] for line in expected if "after a cold start" in line}
    assert waiting == {f"{name} waits for a cold start" for name in names}
    if is_waiting:
        (step,) = lab.plan("allowed").changes
        assert (step.action, set(step.waits)) == (Action.COLD_START, names)
        lab.apply("allowed")
        assert lab.is_running
        assert COLD_TAG not in str(lab.read(VM)["tags"])
    final = lab.plan("allowed")
    assert [c for c in final.changes if c.action is not Action.START] == []
    assert not lab.cluster.read_machine(NODE, VM).pending
    if not case.renews:
        assert _read(lab) == before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_a_running_machine(settled: StrangerLab, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    _check(settled, case, "running", capsys)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_a_stopped_machine(settled: StrangerLab, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    settled.power_off()
    _check(settled, case, "stopped", capsys)


PLUGGED = {(row.resource, row.name) for row in ATTRIBUTES if row.plugs and row.resource == "vm"}


@pytest.mark.parametrize("case", [case for case in CASES if PLUGGED & set(case.rows)], ids=lambda case: case.name)
def test_on_a_running_machine_without_hot_plug(
    settled: StrangerLab, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    settled.set(VM, {"hotplug": "usb"})
    settled.restart()
    _check(settled, case, "unplugged", capsys)


@pytest.mark.parametrize("key", ["cores", "memory"])
def test_what_a_stranger_wrote_and_still_waits_is_dropped_at_once(settled: StrangerLab, key: str) -> None:
    settled.set(VM, {key: 999})
    (change,) = settled.plan("allowed").changes
    assert [(d.attribute, d.effect.value) for d in change.differences] == [(key, "live")]
    settled.apply("allowed")
    assert not settled.cluster.read_machine(NODE, VM).pending
    assert not settled.plan("allowed").changes


def test_a_data_disk_is_never_attached_twice(settled: StrangerLab) -> None:
    """Without its serial it is known by its volume."""
    volume = settled.drive(VM, "scsi1").volume
    settled.set(VM, {"scsi1": volume})
    settled.restart()
    settled.apply("allowed")
    drives = [key for key, value in settled.read(VM).items() if isinstance(value, Drive) and value.volume == volume]
    assert drives == ["scsi1"]

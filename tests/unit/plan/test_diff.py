"""diff over examples/pegasus: every action, and that what was made as desired gives an empty plan."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from homeprod.core.address import Address
from homeprod.plan.actual import ListedMachine, MachineConfig
from homeprod.plan.change import Action, Effect
from homeprod.plan.config import Drive, Value
from homeprod.plan.desired import DesiredMachine, desire
from homeprod.plan.diff import ActualMachine, diff
from homeprod.plan.mark import NEW_TAG, Mark, parse_note, render_note, words_of
from homeprod.site.loader import load_site

SITE = load_site(Path(__file__).parents[3] / "examples" / "pegasus")
ID = SITE.config.id
DESIRED = desire(SITE)
CODER = Address("vm", "lab-coder")


def _made(machine: DesiredMachine, **other: Value) -> ActualMachine:
    """The machine as Proxmox would show it after it was made as desired."""
    note = render_note(Mark(ID, machine.address, "1a2b3c", "abc1234", machine.forces), machine.words)
    disks = {
        slot: Drive(f"{d.storage}:vm-{machine.vmid}-{slot}", d.size, d.options) for slot, d in machine.disks.items()
    }
    config = {**machine.config, **disks, "description": note, **other}
    listed = ListedMachine(machine.vmid, machine.node, machine.address.name, "running")
    return ActualMachine(listed, MachineConfig(config))


ACTUAL = {machine.vmid: _made(machine) for machine in DESIRED.values()}


def _with(vmid: int, found: ActualMachine) -> dict[int, ActualMachine]:
    return {**ACTUAL, vmid: found}


def test_what_was_made_as_desired_gives_an_empty_plan() -> None:
    assert diff(ID, DESIRED, ACTUAL).is_empty


def test_nothing_there_creates_everything() -> None:
    plan = diff(ID, DESIRED, {})
    assert [change.action for change in plan.changes] == [Action.CREATE] * 8


@pytest.mark.parametrize(
    ("key", "value", "effect"),
    [
        ("cores", 4, Effect.COLD_START),
        ("memory", 512, Effect.COLD_START),
        ("tags", frozenset({"by-hand"}), Effect.LIVE),
        ("name", "other", Effect.LIVE),
        ("onboot", False, Effect.LIVE),
    ],
)
def test_a_strangers_change_is_planned_back(key: str, value: Value, effect: Effect) -> None:
    (change,) = diff(ID, DESIRED, _with(4001021, _made(DESIRED[CODER], **{key: value}))).changes
    assert (change.action, change.address) == (Action.UPDATE, CODER)
    assert [(d.attribute, d.old, d.effect) for d in change.differences] == [(key, value, effect)]


def test_what_the_site_does_not_name_is_left_alone() -> None:
    assert diff(ID, DESIRED, _with(4001021, _made(DESIRED[CODER], balloon=256, vga="qxl"))).is_empty


def test_a_value_that_waits_is_not_planned_again() -> None:
    found = _made(DESIRED[CODER], cores=4)
    found = dataclasses.replace(found, config=dataclasses.replace(found.config, pending={"cores": 2}))
    plan = diff(ID, DESIRED, _with(4001021, found))
    assert plan.is_empty
    assert plan.waiting == ((CODER, "cores"),)


def test_a_new_tag_means_finish_and_is_no_drift() -> None:
    tags = DESIRED[CODER].config["tags"]
    assert isinstance(tags, frozenset)
    (change,) = diff(ID, DESIRED, _with(4001021, _made(DESIRED[CODER], tags=tags | {NEW_TAG}))).changes
    assert change.action is Action.FINISH


def test_another_image_replaces_and_says_why() -> None:
    desired = {**DESIRED, CODER: dataclasses.replace(DESIRED[CODER], forces={**DESIRED[CODER].forces, "image": "b"})}
    (change,) = diff(ID, desired, ACTUAL).changes
    assert (change.action, change.why) == (Action.REPLACE, "image cannot be changed in place")


def test_a_smaller_disk_is_grown_and_a_bigger_one_left() -> None:
    small, big = Drive("local-nvme:vm-4001021-disk-0", 2**31), Drive("local-nvme:vm-4001021-disk-0", 2**40)
    (change,) = diff(ID, DESIRED, _with(4001021, _made(DESIRED[CODER], scsi0=small))).changes
    assert [d.attribute for d in change.differences] == ["scsi0 size"]
    assert diff(ID, DESIRED, _with(4001021, _made(DESIRED[CODER], scsi0=big))).is_empty


def test_a_machine_that_left_the_site_is_deleted() -> None:
    desired = {address: machine for address, machine in DESIRED.items() if address != CODER}
    (change,) = diff(ID, desired, ACTUAL).changes
    assert (change.action, change.vmid) == (Action.DELETE, 4001021)


@pytest.mark.parametrize("note", ["", "homeprod-site: other", render_note(Mark("0" * 36, CODER, "x"), "")])
def test_a_stranger_on_our_vmid_is_a_conflict_and_never_changed(note: str) -> None:
    plan = diff(ID, DESIRED, _with(4001021, _made(DESIRED[CODER], description=note)))
    assert not plan.changes
    assert [conflict.address for conflict in plan.conflicts] == [CODER]


def test_a_renamed_module_is_a_rename_in_place() -> None:
    renamed = Address("vm", "lab-builder")
    machine = DESIRED[CODER]
    machine = dataclasses.replace(machine, address=renamed, config={**machine.config, "name": "lab-builder"})
    desired = {renamed if a == CODER else a: machine if a == CODER else m for a, m in DESIRED.items()}
    (change,) = diff(ID, desired, ACTUAL).changes
    assert (change.action, change.address) == (Action.UPDATE, renamed)
    assert [d.attribute for d in change.differences] == ["name", "address"]


def test_the_note_keeps_the_sites_words_and_the_mark() -> None:
    mark = Mark(ID, CODER, "1a2b3c", "abc1234", {"image": "debian.qcow2", "network": "10.0.0.1 fd00::1"})
    note = render_note(mark, "Builds things.\nAsk Sean.")
    assert parse_note(note) == mark
    assert words_of(note) == "Builds things.\nAsk Sean."


def test_a_note_with_two_marks_is_none() -> None:
    note = render_note(Mark(ID, CODER, "x"), "")
    assert parse_note(note + "\n" + note) is None

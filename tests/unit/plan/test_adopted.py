"""Adopted machines in a plan, and marks that are not what they seem."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.plan.pegasus import (
    CODER,
    DESIRED,
    ID,
    MACHINES,
    NODE,
    SITE,
    actual,
    make,
    plan,
    redeclare,
    with_machine,
    without,
)

from homeprod.core.address import Address
from homeprod.core.sizes import GiB
from homeprod.plan.actual import ActualMachine, ListedMachine, MachineConfig
from homeprod.plan.change import Action
from homeprod.plan.config import Drive, Nic, Value
from homeprod.plan.desired import desire
from homeprod.plan.mark import ADOPTED, LONGEST_NOTE, Mark, parse_note, render_note, strip_mark
from homeprod.plan.order import order_changes
from homeprod.site.adopted import AdoptedDataVirtualMachine, AdoptedVirtualMachine
from homeprod.site.machine import DataDisk, Disk, Mount
from homeprod.site.place import Datastore
from homeprod.site.site import DeclaredMachine, Site

WEB, KEEPER = 105, 106
STORE = Datastore(name="local-nvme")
LAB = SITE.machines["lab-coder"].machine.environment
DISK = DataDisk(label="disk", size=1 * GiB, on=STORE, volume="local-nvme:vm-106-disk-0")
CONFIG: dict[str, Value] = {
    "name": "web",
    "cores": 4,
    "scsi0": Drive("local-nvme:vm-105-disk-0", 8 * GiB),
    "scsi1": Drive(DISK.volume, 1 * GiB),
    "description": "Sean's.",
    "tags": frozenset({"Old", "homeprod-new"}),
}


def _site(**changes: object) -> Site:
    values = {
        "vmid": WEB,
        "environment": LAB,
        "disks": {"scsi0": Disk(8 * GiB, on=STORE)},
        "data_disks": {"scsi1": DISK},
        **changes,
    }
    keeper = AdoptedDataVirtualMachine(vmid=KEEPER, environment=LAB, called="disks", disks=(DISK,))
    machines = {
        "web": DeclaredMachine("web", AdoptedVirtualMachine(**values), SITE.root),
        "web-data": DeclaredMachine("web-data", keeper, SITE.root),
    }
    return dataclasses.replace(SITE, machines={**SITE.machines, **machines})


def _found(vmid: int, config: dict[str, Value], status: str = "running", **other: bool) -> ActualMachine:
    listed = ListedMachine(vmid, NODE, str(config.get("name", "")), status, **other)
    return ActualMachine(listed, MachineConfig(config, digest="d"))


WEB_FOUND = _found(WEB, CONFIG)
KEEPER_FOUND = _found(KEEPER, {"name": "disks", "scsi3": Drive(DISK.volume, 1 * GiB)}, "stopped")
FOUND = {**MACHINES, WEB: WEB_FOUND, KEEPER: KEEPER_FOUND}


def test_the_marks_alone_and_the_data_vm_first() -> None:
    site, found = _site(), actual(FOUND)
    made = plan(found, site)
    assert not made.conflicts
    assert [(c.action, str(c.address)) for c in made.changes] == [
        (Action.ADOPT, "data-vm/web-data"),
        (Action.ADOPT, "vm/web"),
    ]
    tags = {d.attribute: d.new for d in made.changes[1].differences}
    assert set(tags) == {"mark", "tags"}
    assert tags["tags"] == frozenset({"Old", f"homeprod-{ID[:8]}"})  # a tag that no site can say stays
    assert order_changes(made, desire(site), found)[1] == {0}


def test_what_its_module_says_otherwise_comes_with_the_marks() -> None:
    site = _site(cores=2, tags=frozenset({"shop"}), called="", protected=False, note="Shop.")
    *_, change = plan(actual(FOUND), site).changes
    assert {d.attribute for d in change.differences} == {"mark", "tags", "cores", "description"}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({WEB: _found(WEB, CONFIG, is_template=True)}, "is a template"),
        ({WEB: _found(WEB, {**CONFIG, "description": "homeprod-x: y"})}, "lines like those"),
        ({WEB: _found(WEB, {**CONFIG, "description": "n" * LONGEST_NOTE})}, "characters more than the 8192"),
        (
            {WEB: _found(WEB, {**CONFIG, "description": render_note(Mark("0" * 36, CODER, WEB, "x"), "")})},
            "belongs to another site of homeprod",
        ),
        (
            {WEB: _found(WEB, {**CONFIG, "description": render_note(Mark(ID, CODER, 4001021, "x"), "")})},
            "has the mark of this site's vm/lab-coder (VMID 4001021): it is a copy of that",
        ),
        (
            {WEB: _found(WEB, {key: value for key, value in CONFIG.items() if key != "scsi0"})},
            "lacks its disk scsi0",
        ),
        ({KEEPER: _found(KEEPER, {"name": "disks"}, "stopped")}, "lacks its disk local-nvme:vm-106-disk-0"),
        ({KEEPER: _found(KEEPER, dict(KEEPER_FOUND.config.config))}, "is running, and a data VM never is"),
    ],
)
def test_what_stands_in_the_way_is_a_conflict_with_a_hint(found: dict[int, ActualMachine], words: str) -> None:
    conflicts = plan(actual({**FOUND, **found}), _site()).conflicts
    (conflict,) = [conflict for conflict in conflicts if words in conflict.message]
    assert conflict.hint


def test_one_that_is_gone_is_a_conflict_and_never_made() -> None:
    made = plan(actual({**MACHINES, KEEPER: KEEPER_FOUND}), _site())
    assert [conflict.address for conflict in made.conflicts] == [Address("vm", "web")]
    assert not made.of(Action.CREATE)


def test_a_module_that_becomes_an_ordinary_one_replaces_the_machine() -> None:
    """Its mark does not say from what it was made."""
    note = render_note(Mark(ID, CODER, 4001021, "x", forces={ADOPTED: "yes"}), "")
    (change,) = plan(with_machine(make(DESIRED[CODER], description=note))).changes
    assert change.action is Action.REPLACE
    assert {d.attribute for d in change.differences} == {"disks", "image", "network"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"net0": Nic("virtio", "BC:24:11:00:00:01", "vmbr0")}, "it may be somebody else's"),
        ({"net0": "none"}, "it may be somebody else's"),
        (
            {"description": render_note(Mark(ID, CODER, 4001021, "x", forces={ADOPTED: "yes"}), "")},
            "was adopted: it is kept until `homeprod destroy 4001021` or `homeprod forget 4001021`",
        ),
    ],
)
def test_a_marked_machine_that_the_site_did_not_make_is_kept(changes: dict[str, Value], words: str) -> None:
    made = plan(with_machine(make(DESIRED[CODER], **changes)), without("lab-coder"))
    assert not [change for change in made.changes if change.vmid]
    (notice,) = [notice for notice in made.notices if notice.address == CODER]
    assert words in notice.message


def test_a_note_that_proxmox_would_refuse_is_a_conflict_before_anything_is_done() -> None:
    machine = SITE.machines["lab-ansible"].machine
    (mount,) = machine.mounts  # type: ignore[attr-defined]
    site = redeclare("lab-ansible", note="n" * 4000, mounts=(Mount(disk=mount.disk, at=f"/{'a' * 4200}"),))
    (conflict,) = plan(actual({}, ()), site).conflicts
    assert "characters more than the 8192 that Proxmox takes" in conflict.message
    assert "shorten `note=` of its module" in conflict.hint


@pytest.mark.parametrize("words", ["", "One line.", "Häuser\n\n* a: b\n\nlast"])
def test_a_note_without_its_mark_is_as_it_was(words: str) -> None:
    note = render_note(Mark(ID, CODER, 4001021, "x", "abc", {ADOPTED: "yes"}), words)
    assert parse_note(note) is not None
    assert strip_mark(note) == words

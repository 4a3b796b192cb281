"""What a plan must never do by itself: every way in which the only copy of something could be at stake."""

from __future__ import annotations

import dataclasses

from tests.unit.plan.pegasus import (
    CODER,
    DESIRED,
    ID,
    INSTANCE,
    KEYS,
    MACHINES,
    NODE,
    RESOURCES,
    actual,
    make,
    plan,
    redeclare,
    with_machine,
    without,
)

from homeprod.plan.actual import ActualMachine, ListedMachine, ListedNode, Resources
from homeprod.plan.mark import Mark, render_note


def _elsewhere(found: ActualMachine, vmid: int, name: str = "copy") -> ActualMachine:
    return dataclasses.replace(found, listed=dataclasses.replace(found.listed, vmid=vmid, name=name))


def test_a_copy_of_a_machine_carries_its_mark_and_is_nobodys_to_delete() -> None:
    """A clone made by hand, or a backup restored to another VMID, has the note and the tags of the first one."""
    copy = _elsewhere(make(DESIRED[CODER]), 105)
    for site in (without(), without("lab-coder")):
        made = plan(with_machine(copy), site)
        assert 105 not in {change.vmid for change in made.changes}
        (notice,) = [notice for notice in made.notices if "105" in notice.message]
        assert notice.message == "VMID 105 ('copy') is a copy of it, made by hand; it is left alone"


def test_a_copy_on_a_vmid_of_the_site_is_a_conflict() -> None:
    note = render_note(Mark(ID, KEYS, 94001022, INSTANCE), "")
    (conflict,) = plan(with_machine(make(DESIRED[CODER], description=note))).conflicts
    assert "holds a copy of data-vm/lab-ansible-data" in conflict.message


def test_a_machine_whose_note_was_edited_says_so() -> None:
    (conflict,) = plan(with_machine(make(DESIRED[CODER], description="mine now"))).conflicts
    assert "its note no longer says so" in conflict.message
    assert not plan(actual()).conflicts


def _listed(*machines: ListedMachine, other: bool = True) -> Resources:
    """``other`` says whether the second node is online."""
    return dataclasses.replace(RESOURCES, machines=machines, nodes=(*RESOURCES.nodes, ListedNode("pve2", other)))


def test_a_container_on_our_vmid_is_a_conflict() -> None:
    container = ListedMachine(4001021, NODE, "nas", "running", is_container=True)
    machines = {vmid: found for vmid, found in MACHINES.items() if vmid != 4001021}
    made = plan(actual(machines, resources=_listed(container)))
    assert "held by the container 'nas'" in made.conflicts[0].message
    assert not [change for change in made.changes if change.vmid]


def test_a_machine_on_a_node_that_is_off_is_a_conflict_and_not_made_again() -> None:
    away = ListedMachine(4001021, "pve2", "lab-coder", "unknown")
    machines = {vmid: found for vmid, found in MACHINES.items() if vmid != 4001021}
    made = plan(actual(machines, resources=_listed(away, other=False)))
    assert "on the node pve2, which is not online" in made.conflicts[0].message
    assert not made.changes  # its ISO neither: nobody read what it names


def test_a_data_vm_is_never_taken_for_a_machine_nor_the_other_way() -> None:
    """Its protection may have been taken off by hand, and its VMID written into another module."""
    for there, wanted in ((KEYS, CODER), (CODER, KEYS)):
        machine = dataclasses.replace(DESIRED[there], vmid=DESIRED[wanted].vmid)
        made = plan(with_machine(make(machine, protection=False)))
        assert [conflict.address for conflict in made.conflicts] == [wanted]
        assert f"is the {there.kind} {there.name}" in made.conflicts[0].message
        assert DESIRED[wanted].vmid not in {change.vmid for change in made.changes}


def test_what_the_site_protects_is_not_replaced_though_proxmox_does_not_know_yet() -> None:
    made = plan(actual(), redeclare("lab-coder", addresses=(30,), protected=True))
    assert "is protected" in made.conflicts[0].message


def test_a_locked_machine_is_not_replaced_or_deleted() -> None:
    found = make(DESIRED[CODER])
    found = dataclasses.replace(found, listed=dataclasses.replace(found.listed, lock="suspended"))
    for site in (redeclare("lab-coder", addresses=(30,)), without("lab-coder")):
        (conflict,) = plan(with_machine(found), site).conflicts
        assert conflict.message == "is locked (suspended) in Proxmox"
    assert plan(with_machine(found)).is_empty


def test_a_template_made_of_our_machine_is_a_conflict_once_it_would_be_changed() -> None:
    found = make(DESIRED[CODER], cores=7)
    found = dataclasses.replace(found, listed=dataclasses.replace(found.listed, is_template=True))
    (conflict,) = plan(with_machine(found)).conflicts
    assert "was made a template" in conflict.message

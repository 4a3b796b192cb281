"""A node that is off: its machines are unknown, never gone, and nothing that may be theirs is touched."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.plan.pegasus import (
    ANSIBLE,
    CODER,
    DESIRED,
    ID,
    KEYS,
    MACHINES,
    NODE,
    RESOURCES,
    actual,
    make,
    plan,
    redeclare,
    without,
)

from homeprod.plan.actual import Actual, ListedMachine, ListedNode, Resources
from homeprod.plan.change import Action
from homeprod.plan.mark import site_tag
from homeprod.plan.plan import Plan

AWAY = "pve2"
CODER_VMID, KEYS_VMID = 4001021, 94001022


def blind(*vmids: int, shared: bool = False, names: bool = False, others: tuple[ListedMachine, ...] = ()) -> Actual:
    """These machines are on a node that is off; the rest is as the site says. ``names`` as in the first minutes, when
    the list still shows them as they last were."""
    away = [
        ListedMachine(vmid, AWAY, MACHINES[vmid].listed.name if names else "", "unknown", frozenset({site_tag(ID)}))
        for vmid in vmids
    ]
    listed = (*(MACHINES[vmid].listed for vmid in MACHINES if vmid not in vmids), *away, *others)
    storages = tuple(dataclasses.replace(storage, is_shared=shared) for storage in RESOURCES.storages)
    nodes = (ListedNode(NODE, is_online=True), ListedNode(AWAY, is_online=False))
    read = {vmid: found for vmid, found in MACHINES.items() if vmid not in vmids}
    return actual(read, resources=Resources(listed, storages, nodes))


def list_conflicts(made: Plan) -> list[str]:
    return [f"{conflict.address} {conflict.message}" for conflict in made.conflicts]


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_its_machines_are_unknown_and_nothing_is_done(shared: bool, names: bool) -> None:
    made = plan(blind(CODER_VMID, shared=shared, names=names))
    assert made.changes == ()
    assert made.conflicts == ()
    (unknown,) = made.unknown
    assert (unknown.address, unknown.vmid, unknown.node) == (CODER, CODER_VMID, AWAY)
    assert "pve2, which is offline" in unknown.message
    assert "pvecm status" in unknown.hint
    assert made.basis[str(CODER)] == "unknown"


@pytest.mark.parametrize("names", [True, False])
def test_one_that_left_the_site_is_unknown_too_and_its_iso_stays(names: bool) -> None:
    made = plan(blind(CODER_VMID, shared=True, names=names), without("lab-coder"))
    assert made.changes == ()
    assert [unknown.vmid for unknown in made.unknown] == [CODER_VMID]
    assert str(made.unknown[0].address) == ("vm/lab-coder" if names else "vm/VMID-4001021")


def test_the_others_go_on() -> None:
    made = plan(blind(CODER_VMID), redeclare("prod-proxy", memory=2**31))
    assert {str(change.address) for change in made.changes} == {"vm/prod-proxy"}
    assert made.conflicts == ()


def test_a_data_vm_that_is_unknown_leaves_its_consumer_as_it_is() -> None:
    made = plan(blind(KEYS_VMID))
    assert made.changes == ()
    assert made.conflicts == ()


def test_a_consumer_of_an_unknown_data_vm_is_changed_in_all_else() -> None:
    made = plan(blind(KEYS_VMID), redeclare("lab-ansible", cores=4, tags=frozenset({"other"})))
    assert {change.address for change in made.changes} == {ANSIBLE}
    update = next(change for change in made.changes if change.action is Action.UPDATE)
    assert {difference.attribute for difference in update.differences} == {"cores", "tags"}
    assert made.conflicts == ()


def test_nothing_is_made_that_needs_a_data_vm_that_is_unknown() -> None:
    made = plan(blind(KEYS_VMID), redeclare("lab-ansible", addresses=(30,)))
    (conflict,) = made.conflicts
    assert conflict.address == ANSIBLE
    assert f"data VM {KEYS_VMID}, which is on the node {AWAY}, which is offline" in conflict.message


@pytest.mark.parametrize(("shared", "count"), [(True, 1), (False, 0)])
def test_a_data_disk_that_an_unseen_machine_may_have_open_is_given_to_nobody(shared: bool, count: int) -> None:
    """lab-ansible is to be made; lab-coder, of which nothing is known, may have its disk."""
    found = blind(CODER_VMID, shared=shared)
    vmid = DESIRED[ANSIBLE].vmid
    listed = tuple(machine for machine in found.resources.machines if machine.vmid != vmid)
    found = dataclasses.replace(
        found,
        machines={number: machine for number, machine in found.machines.items() if number != vmid},
        resources=dataclasses.replace(found.resources, machines=listed),
    )
    conflicts = list_conflicts(plan(found))
    assert len(conflicts) == count
    assert all("which a machine on pve2 (offline) may have open" in conflict for conflict in conflicts)


def test_a_disk_that_it_has_already_is_no_news() -> None:
    assert plan(blind(CODER_VMID, shared=True), redeclare("lab-ansible", cores=4)).conflicts == ()


def test_strangers_on_it_are_nobodys_business() -> None:
    stranger = ListedMachine(105, AWAY, "nas", "unknown")
    made = plan(blind(others=(stranger,)))
    assert (made.changes, made.conflicts, made.unknown) == ((), (), ())


def test_a_node_that_is_back_ends_it() -> None:
    found = blind(CODER_VMID)
    nodes = tuple(dataclasses.replace(node, is_online=True) for node in found.resources.nodes)
    back = make(DESIRED[CODER])
    back = dataclasses.replace(back, listed=dataclasses.replace(back.listed, node=AWAY))
    made = plan(
        dataclasses.replace(
            found,
            machines={**found.machines, CODER_VMID: back},
            resources=dataclasses.replace(found.resources, nodes=nodes),
        )
    )
    assert (made.changes, made.conflicts, made.unknown) == ((), (), ())
    assert KEYS in DESIRED
    assert any("is on the node pve2" in notice.message for notice in made.notices)

"""Which changes wait for which."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.plan.pegasus import ANSIBLE, DESIRED, KEYS, MACHINES, SITE, actual, make, plan, redeclare, without

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.plan.actual import Actual
from homeprod.plan.bundle import bundle_name
from homeprod.plan.change import Action
from homeprod.plan.desired import desire
from homeprod.plan.order import order_changes
from homeprod.plan.plan import Plan
from homeprod.plan.scope import choose_part
from homeprod.site.site import Site


def _needs(made: Plan, site: Site, found: Actual, address: Address) -> set[str]:
    """What the changes of one address wait for."""
    graph = order_changes(made, desire(site), found)
    places = [place for place, change in enumerate(made.changes) if change.address == address]
    return {str(made.changes[other].address) for place in places for other in graph[place]}


def test_a_machine_waits_for_its_image_and_its_data_vm_and_nothing_else() -> None:
    found = actual({}, ())
    made = plan(found)
    image = DESIRED[ANSIBLE].disks["scsi0"].import_from
    assert image is not None
    assert _needs(made, SITE, found, ANSIBLE) == {
        str(KEYS),
        f"image/{image.partition('/')[2]}",
        f"iso/{bundle_name(SITE)}",
    }
    assert _needs(made, SITE, found, KEYS) == set()


def test_files_go_last() -> None:
    found = actual()
    made = plan(found, without("lab-coder"))
    doomed = next(change.address for change in made.changes if change.address.kind == "image")
    assert _needs(made, without("lab-coder"), found, doomed) == {"vm/lab-coder"}


def test_a_machine_waits_until_its_address_is_free() -> None:
    site = redeclare("lab-proxy", addresses=(21,))
    machines = {name: declared for name, declared in site.machines.items() if name != "lab-coder"}
    site = dataclasses.replace(site, machines=machines)
    found = actual()
    assert _needs(plan(found, site), site, found, Address("vm", "lab-proxy")) == {"vm/lab-coder"}


def test_a_data_disk_goes_from_one_machine_to_the_other_and_never_round() -> None:
    keys = SITE.machines["lab-ansible"].machine.mounts  # type: ignore[attr-defined]
    site = redeclare("lab-coder", mounts=keys)
    site = dataclasses.replace(
        site, machines={**site.machines, "lab-ansible": redeclare("lab-ansible", mounts=()).machines["lab-ansible"]}
    )
    found = actual()
    assert _needs(plan(found, site), site, found, Address("vm", "lab-coder")) == {str(ANSIBLE)}

    others = SITE.machines["prod-ansible"].machine.mounts  # type: ignore[attr-defined]
    swapped = redeclare("lab-ansible", mounts=others)
    machines = {**swapped.machines, "prod-ansible": redeclare("prod-ansible", mounts=keys).machines["prod-ansible"]}
    swapped = dataclasses.replace(swapped, machines=machines)
    with pytest.raises(HomeprodError, match="vm/lab-ansible, vm/prod-ansible"):
        order_changes(plan(found, swapped), desire(swapped), found)


def test_only_takes_a_machine_with_its_data_vm_and_image() -> None:
    made = choose_part(plan(actual({}, ())), ["lab-ansible"], SITE, actual({}, ()))
    assert {change.address.kind for change in made.changes} == {"vm", "data-vm", "image", "iso"}
    assert len(made.changes) == 4
    with pytest.raises(UsageError, match="'nobody'"):
        choose_part(made, ["nobody"], SITE, actual({}, ()))


def test_only_takes_a_machine_that_left_the_site() -> None:
    site = without("lab-coder")
    made = choose_part(plan(actual(), site), ["lab-coder"], site, actual())
    assert [change.action for change in made.changes] == [Action.DELETE]


def test_other_machines_conflicts_do_not_hold_up_the_chosen_one() -> None:
    stranger = make(DESIRED[Address("vm", "lab-coder")], description="")
    found = actual({**MACHINES, 4001021: stranger})
    made = plan(found)
    assert made.conflicts
    assert choose_part(made, ["lab-ansible"], SITE, found).is_empty

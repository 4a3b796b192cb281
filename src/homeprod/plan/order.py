"""Order: which changes must be done before which others; everything else may run at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drives import find_by_serial
from homeprod.plan.plan import Plan

Graph = Mapping[int, frozenset[int]]
"""By the change's place in the plan, the places of those that come first."""

_MAKES = (Action.CREATE, Action.REPLACE, Action.UPDATE)
_FREES = (Action.DELETE, Action.REPLACE)


def order_changes(plan: Plan, desired: Mapping[Address, DesiredMachine], actual: Actual) -> Graph:
    """Raises HomeprodError where changes wait for each other in a ring."""
    graph = {place: frozenset(_find_needs(plan, place, desired, actual)) for place in range(len(plan.changes))}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = ", ".join(sorted({str(plan.changes[place].address) for place in error.args[1]}))
        raise HomeprodError(
            f"these changes wait for each other: {names}",
            hint="do it in two applies: first take the disk away from one of them, then give it to the other",
        ) from None
    return graph


def _find_needs(plan: Plan, place: int, desired: Mapping[Address, DesiredMachine], actual: Actual) -> Iterator[int]:
    change = plan.changes[place]
    machine = desired.get(change.address)
    for other, first in enumerate(plan.changes):
        if other == place:
            continue
        if change.address.kind in ("image", "iso") and change.action is Action.DELETE:
            is_needed = first.address.kind in ("vm", "data-vm")  # files go when nothing can want them any more
        elif first.address == change.address and first.node == change.node:
            is_needed = other < place
        else:
            is_needed = machine is not None and change.action in _MAKES and _is_first(first, change, machine, actual)
        if is_needed:
            yield other


def _is_first(first: Change, change: Change, machine: DesiredMachine, actual: Actual) -> bool:
    if first.address.kind == "image":
        images = {disk.import_from for disk in machine.disks.values()}
        is_reachable = first.node in (change.node, machine.node) or actual.is_shared(first.volume.partition(":")[0])
        return first.action is Action.CREATE and is_reachable and first.volume in images
    if any(first.vmid == disk.owner for disk in machine.attached):
        return True
    found = actual.machines.get(first.vmid)
    if found is None or first.action not in _FREES:
        return False
    return _holds_disk(found, machine, actual) or (first.action is Action.DELETE and _holds_address(found, machine))


def _holds_disk(found: ActualMachine, machine: DesiredMachine, actual: Actual) -> bool:
    """Whether it has a data disk now that the other is to have."""
    volumes = found.volumes()
    for disk in machine.attached:
        owner = actual.machines.get(disk.owner)
        owned = find_by_serial(owner.config.config, disk.serial) if owner is not None else None
        if owned is not None and owned[1].volume in volumes:
            return True
    return False


def _holds_address(found: ActualMachine, machine: DesiredMachine) -> bool:
    mine = set(machine.forces.get("network", "").split()) - {"dhcp"}
    return found.mark is not None and bool(mine & set(found.mark.forces.get("network", "").split()))

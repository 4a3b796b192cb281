"""Order: which changes must be done before which others; everything else may run at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.plan.actual import Actual
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Drive, Startup
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drives import find_by_serial
from homeprod.plan.plan import Plan

Graph = Mapping[int, frozenset[int]]
"""By the change's place in the plan, the places of those that come first."""

LAST = 1_000_000
_MAKES = (Action.CREATE, Action.REPLACE, Action.UPDATE, Action.ADOPT)
_STARTS = (Action.START, Action.COLD_START, Action.FINISH)
_FREES = (Action.DELETE, Action.REPLACE)


def order_changes(plan: Plan, desired: Mapping[Address, DesiredMachine], actual: Actual) -> Graph:
    """Raises HomeprodError where changes wait for each other in a ring."""
    index = _index(plan, actual)
    places = range(len(plan.changes))
    graph = {place: frozenset(_find_needs(plan, place, desired, actual, index)) for place in places}
    for first, second in pairwise(_line_up_cold_starts(plan, desired)):
        graph[second] |= {first}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = ", ".join(sorted({str(plan.changes[place].address) for place in error.args[1]}))
        raise HomeprodError(
            f"these changes wait for each other: {names}",
            hint="do it in two applies: first take the disk away from one of them, then give it to the other",
        ) from None
    return graph


def _line_up_cold_starts(plan: Plan, desired: Mapping[Address, DesiredMachine]) -> list[int]:
    """One at a time, so that never more than one machine of a site is off for it, and in the order in which the
    hypervisor starts them: where one does not come back, those that may need it are left running."""
    places = [place for place, change in enumerate(plan.changes) if change.action is Action.COLD_START]
    return sorted(places, key=lambda place: (_find_phase(desired[plan.changes[place].address]), place))


def _find_phase(machine: DesiredMachine) -> int:
    """A machine without one is started last (Proxmox's `startup`)."""
    startup = machine.config.get("startup")
    return startup.order if isinstance(startup, Startup) and startup.order is not None else LAST


@dataclass(frozen=True)
class _Index:
    """Places of the plan's changes by what others may wait for, so that a plan of thousands stays quick."""

    machines: frozenset[int]
    same: Mapping[tuple[Address, str, int], Sequence[int]]
    """By address and node: what is done to one thing is done in the plan's order."""
    of_vmid: Mapping[int, Sequence[int]]
    brings: Mapping[str, Sequence[int]]
    """By the volume of an image."""
    frees: Mapping[str, Sequence[int]]
    """By a volume that a machine lets go, or an IP address."""


def _index(plan: Plan, actual: Actual) -> _Index:
    machines: set[int] = set()
    same: dict[tuple[Address, str, int], list[int]] = defaultdict(list)
    of_vmid: dict[int, list[int]] = defaultdict(list)
    brings: dict[str, list[int]] = defaultdict(list)
    frees: dict[str, list[int]] = defaultdict(list)
    for place, change in enumerate(plan.changes):
        same[change.address, change.node, change.vmid].append(place)
        if change.address.kind in ("image", "iso") and change.action is Action.CREATE:
            brings[change.volume].append(place)
        if change.address.kind in ("vm", "data-vm"):
            machines.add(place)
            of_vmid[change.vmid].append(place)
        for freed in _list_freed(change, actual):
            frees[freed].append(place)
    return _Index(frozenset(machines), same, of_vmid, brings, frees)


def _list_freed(change: Change, actual: Actual) -> Iterator[str]:
    """Volumes; and IP addresses, where nothing of that machine comes back."""
    found = actual.machines.get(change.vmid)
    if found is None or change.action not in _FREES:
        return
    yield from found.volumes()
    if found.mark is not None and change.action is Action.DELETE:
        yield from _list_addresses(found.mark.forces)


def _list_addresses(forces: Mapping[str, str]) -> set[str]:
    return set(forces.get("network", "").split()) - {"dhcp"}


def _find_needs(
    plan: Plan, place: int, desired: Mapping[Address, DesiredMachine], actual: Actual, index: _Index
) -> Iterator[int]:
    change = plan.changes[place]
    if change.address.kind in ("image", "iso") and change.action is Action.DELETE:
        yield from index.machines  # files go when nothing can want them any more
        return
    yield from (other for other in index.same[change.address, change.node, change.vmid] if other < place)
    machine, found = desired.get(change.address), actual.machines.get(change.vmid)
    if change.action in _STARTS and found is not None:  # not while another one that goes runs with its disk
        for volume in found.volumes():
            yield from (other for other in index.frees.get(volume, ()) if other != place)
    if machine is None or change.action not in _MAKES:
        return
    yield from _find_images(plan, change, machine, actual, index)
    for disk in machine.attached:
        yield from index.of_vmid.get(disk.owner, ())
    for wanted in {*_list_volumes(machine, actual), *_list_addresses(machine.forces)}:
        yield from (other for other in index.frees.get(wanted, ()) if other != place)


def _find_images(plan: Plan, change: Change, machine: DesiredMachine, actual: Actual, index: _Index) -> Iterator[int]:
    wanted = [disk.import_from for disk in machine.disks.values()]
    wanted += [value.volume for value in machine.config.values() if isinstance(value, Drive)]
    for volume in wanted:
        for other in index.brings.get(volume or "", ()):
            first = plan.changes[other]
            if first.node in (change.node, machine.node) or actual.is_shared(first.volume.partition(":")[0]):
                yield other


def _list_volumes(machine: DesiredMachine, actual: Actual) -> Iterator[str]:
    """The data disks that it is to have, where they are there."""
    for disk in machine.attached:
        owner = actual.machines.get(disk.owner)
        owned = find_by_serial(owner.config.config, disk.serial, disk.volume) if owner is not None else None
        if owned is not None:
            yield owned[1].volume

"""Capacity: the space that new disks may take, and the memory that running machines may, against what there is.

What cannot be is a conflict; what can be and may end badly is a notice. Disks are thin on most kinds of storage (a
file, a thin pool, Ceph), and take only what is written: there the sum of their sizes may exceed what is free, as long
as somebody watches it. On plain LVM a disk takes its whole size at once, so too much is refused. A ZFS storage may be
either (`sparse` is not in the list that is read), and is told like a thin one. Likewise memory: a machine with more
than its node cannot start, while several may share what they do not all use (balloon, KSM, swap).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from homeprod.core.address import Address
from homeprod.core.sizes import MiB, approximate_size
from homeprod.plan.actual import Actual, ActualMachine, ListedStorage
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Drive, NewDrive
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.plan import Conflict, Notice, Plan
from homeprod.plan.volume import read_owner

THICK = frozenset({"lvm"})
"""Kinds of storage on which a disk takes its whole size when it is made."""
_MAKES = (Action.CREATE, Action.REPLACE)
Desired = Mapping[Address, DesiredMachine]


def weigh(plan: Plan, actual: Actual, desired: Desired) -> Plan:
    """The plan, with what it lacks room for. It is weighed as it will be applied: without what was left out."""
    found = [*_weigh_disks(actual, plan.changes, desired), *_weigh_memory(actual, plan.changes, desired)]
    conflicts = tuple(item for item in found if isinstance(item, Conflict))
    notices = tuple(item for item in found if isinstance(item, Notice))
    return replace(plan, conflicts=plan.conflicts + conflicts, notices=plan.notices + notices)


def _weigh_disks(actual: Actual, changes: Sequence[Change], desired: Desired) -> Iterator[Conflict | Notice]:
    """Once a storage, at the first machine that goes beyond."""
    storages = {(listed.name, listed.node): listed for listed in actual.resources.storages}
    asked: dict[tuple[str, str], int] = defaultdict(int)
    first: dict[tuple[str, str], Address] = {}
    for change in changes:
        more: dict[tuple[str, str], int] = defaultdict(int)
        for name, node, size in _list_sizes(change, actual.machines.get(change.vmid), desired.get(change.address)):
            more[name, node] += size
        for (name, node), size in more.items():
            listed = storages.get((name, node))
            if listed is None or not listed.total:
                continue
            place = (name, "" if listed.is_shared else node)
            asked[place] += max(0, size)  # what one gives back, another may have asked for before
            if asked[place] > listed.total - listed.used:
                first.setdefault(place, change.address)
    for (name, node), address in first.items():
        listed = next(s for s in actual.resources.storages if s.name == name and node in ("", s.node))
        yield _tell_lack(address, listed, asked[name, node])


def _list_sizes(
    change: Change, found: ActualMachine | None, machine: DesiredMachine | None
) -> Iterator[tuple[str, str, int]]:
    """Storage, node and bytes that a change takes; less than 0 for what it gives back before."""
    if machine is None or change.address.kind not in ("vm", "data-vm"):
        return
    if change.action in _MAKES:
        for disk in machine.disks.values():
            yield disk.storage, machine.node, disk.size
        if change.action is Action.REPLACE and found is not None:  # the old one goes before the new one comes
            for storage, size in _list_own(found):
                yield storage, found.listed.node, -size
    elif change.action is Action.UPDATE and found is not None:
        for difference in change.differences:
            slot, _, is_size = difference.attribute.partition(" ")
            drive = found.config.config.get(slot)
            if isinstance(difference.new, NewDrive):
                yield difference.new.storage, change.node, difference.new.size
            elif is_size and isinstance(drive, Drive) and isinstance(difference.new, int):
                yield drive.storage, change.node, difference.new - (drive.size or 0)


def _list_own(found: ActualMachine) -> Iterator[tuple[str, int]]:
    for value in found.config.config.values():
        if isinstance(value, Drive) and read_owner(value.volume) == found.listed.vmid:
            yield value.storage, value.size or 0


def _tell_lack(address: Address, listed: ListedStorage, asked: int) -> Conflict | Notice:
    place = f"{listed.name} of the node {listed.node}"
    free = approximate_size(max(0, listed.total - listed.used))
    if listed.kind in THICK:
        return Conflict(
            address,
            f"the new disks on {place} take {approximate_size(asked)}, and {free} are free there",
            "choose another datastore or smaller disks, or make room first: what this plan deletes counts only later",
        )
    words = f"the new disks on {place} may grow to {approximate_size(asked)}, and {free} are free there"
    return Notice(address, f"{words}: watch it, machines stop when it is full", differs=False)


def _weigh_memory(actual: Actual, changes: Sequence[Change], desired: Desired) -> Iterator[Conflict | Notice]:
    """What will run on each node when all is done; only where the plan adds to it."""
    nodes = {node.name: node.memory for node in actual.resources.nodes}
    gone = {change.vmid for change in changes if change.action in (Action.DELETE, Action.REPLACE)}
    wanted = {change.vmid: needed for change in changes if (needed := _find_memory(change, desired)) is not None}
    running: dict[str, int] = defaultdict(int)
    for listed in actual.resources.machines:
        if listed.status == "running" and listed.vmid not in gone | wanted.keys():
            running[listed.node] += listed.memory
    first: dict[str, Address] = {}
    for change in changes:
        if change.vmid not in wanted or (change.vmid in gone and change.action is Action.DELETE):
            continue
        node, memory = wanted.pop(change.vmid)
        total = nodes.get(node, 0)
        running[node] += memory
        if total and memory > total:
            hint = "give it less, or place it on another node"
            words = f"has {approximate_size(memory)} of memory, and the node {node} {approximate_size(total)}"
            yield Conflict(change.address, words, hint)
        elif total and running[node] > total:
            first.setdefault(node, change.address)
    for node, address in first.items():
        together, there = approximate_size(running[node]), approximate_size(nodes[node])
        words = f"the machines that run on {node} then may use {together} of memory, and it has {there}"
        yield Notice(address, f"{words}: it may become slow, or stop one of them", differs=False)


def _find_memory(change: Change, desired: Desired) -> tuple[str, int] | None:
    """Node and bytes of the machine that will run because of this change, or runs with more or less from then on."""
    machine = desired.get(change.address)
    memory = machine.config.get("memory") if machine is not None else None
    if machine is None or not isinstance(memory, int) or not machine.is_started or change.action is Action.DELETE:
        return None
    if change.action is Action.UPDATE and all(d.attribute != "memory" for d in change.differences):
        return None
    return (machine.node if change.action in _MAKES else change.node), memory * MiB

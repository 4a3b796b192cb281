"""Stakes: disks that an apply would destroy or open, and whoever else names them just before its first write.

Proxmox asks nobody, and the plan may be hours old: a person thought about it, while machines came and changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.engine.read import read_everyone
from homeprod.engine.work import Work
from homeprod.plan.actual import ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.conflict.sharing import list_disks
from homeprod.plan.drives import coming_config, find_by_serial
from homeprod.plan.plan import Plan
from homeprod.plan.volume import read_owner

_REMOVES = (Action.DELETE, Action.REPLACE)


@dataclass(frozen=True, slots=True)
class Stake:
    """A volume, the resource that it is at stake for, and the VMIDs that may name it. With ``is_for_start`` it harms
    nothing where a machine that is off names it too."""

    volume: str
    address: Address
    users: frozenset[int]
    is_for_start: bool = False


def check_stakes(work: Work, plan: Plan) -> None:
    """Raises HomeprodError where another machine, of this site or not, uses a disk that would be destroyed or given,
    or runs with a disk of one that would be started. One call for the list, one for each machine, and none where no
    disk is at stake."""
    stakes: dict[str, list[Stake]] = defaultdict(list)
    for stake in (*_list_destroyed(work, plan), *_list_attached(work, plan), *_list_started(work, plan)):
        stakes[stake.volume].append(stake)
    if not stakes:
        return
    for other in read_everyone(work.hypervisor, work.hypervisor.read_resources()):
        for volume in sorted(other.volumes() & stakes.keys()):
            _refuse_user(work, other, stakes[volume])


def _refuse_user(work: Work, other: ActualMachine, stakes: Sequence[Stake]) -> None:
    for stake in stakes:
        if other.listed.vmid not in stake.users and not (stake.is_for_start and _is_off(work, other)):
            raise HomeprodError(
                f"{stake.volume} is in use by {_describe(work, other)}; nothing was done",
                where=str(stake.address),
                hint="detach it there first, with that machine shut down",
            )


def _is_off(work: Work, found: ActualMachine) -> bool:
    """By itself, since the list can be seconds old."""
    return work.hypervisor.read_status(found.listed.node, found.listed.vmid) != "running"


def _list_destroyed(work: Work, plan: Plan) -> Iterator[Stake]:
    """A machine's own volumes, and CDs; of these the site's own users are looked after when they are deleted."""
    for change in plan.changes:
        if change.address.kind == "iso" and change.action is Action.DELETE:
            yield Stake(change.volume, change.address, frozenset())
        found = work.actual.machines.get(change.vmid)
        if found is None or change.action not in _REMOVES:
            continue
        for volume in sorted(found.volumes()):
            if read_owner(volume) == change.vmid:
                yield Stake(volume, change.address, frozenset({change.vmid}))
            elif volume.partition(":")[2].startswith(f"iso/homeprod-{work.site.config.id[:8]}-"):
                yield Stake(volume, change.address, frozenset(work.actual.machines))


def _list_attached(work: Work, plan: Plan) -> Iterator[Stake]:
    """Data disks that a machine is given, or has: nobody else has them, but whoever goes in this plan."""
    removed = frozenset(change.vmid for change in plan.of(*_REMOVES))
    for change in plan.changes:
        machine = work.desired.get(change.address)
        for disk in machine.attached if machine is not None and change.action is not Action.DELETE else ():
            owner = work.actual.machines.get(disk.owner)
            config = coming_config(owner.config) if owner is not None else {}
            owned = find_by_serial(config, disk.serial, disk.volume)
            if owned is not None:
                yield Stake(owned[1].volume, change.address, removed | {change.vmid, disk.owner})


def _list_started(work: Work, plan: Plan) -> Iterator[Stake]:
    """The disks of machines that would be started as they are."""
    removed = frozenset(change.vmid for change in plan.of(*_REMOVES))
    for change in plan.of(Action.START, Action.COLD_START, Action.FINISH):
        if (found := work.actual.machines.get(change.vmid)) is not None:
            yield from _list_own(change, found, removed)


def _list_own(change: Change, found: ActualMachine, removed: frozenset[int]) -> Iterator[Stake]:
    for _, volume in list_disks(found):
        yield Stake(volume, change.address, removed | {change.vmid}, is_for_start=True)


def _describe(work: Work, found: ActualMachine) -> str:
    mark, vmid = found.mark, found.listed.vmid
    if mark is not None and mark.site == work.site.config.id:
        return f"{mark.address} (VMID {vmid})"
    return f"{found.listed.name!r} (VMID {vmid}), which is not this site's"

"""Strangers' machines: read before an apply that destroys disks or attaches them, since Proxmox asks nobody."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.engine.work import Work
from homeprod.plan.actual import ActualMachine
from homeprod.plan.change import Action
from homeprod.plan.conflict.sharing import list_disks
from homeprod.plan.drives import coming_config, find_by_serial
from homeprod.plan.plan import Plan
from homeprod.plan.volume import read_owner


def check_strangers(work: Work, plan: Plan) -> None:
    """Raises HomeprodError where a machine that is not this site's uses a disk that would be destroyed, or attached
    to another one; or runs with a disk of one that would be started. One call for each stranger, and none where no
    disk is at stake."""
    at_stake, at_start = dict(_list_stakes(work, plan)), dict(_list_started(work, plan))
    if not at_stake and not at_start:
        return
    for stranger in _read_strangers(work):
        stakes = at_start | at_stake if stranger.listed.status == "running" else at_stake
        named = stranger.volumes() | {volume for _, volume in list_disks(stranger)}  # its CD, and what it detached
        for volume in sorted(named & stakes.keys()):
            raise HomeprodError(
                f"{volume} is in use by {stranger.listed.name!r} (VMID {stranger.listed.vmid}), which is not this"
                " site's; nothing was done",
                where=str(stakes[volume]),
                hint="detach it there first, with that machine shut down",
            )


def _list_stakes(work: Work, plan: Plan) -> Iterator[tuple[str, Address]]:
    """Volumes that the plan would destroy, or give to a machine. A machine that was forgotten keeps its CD."""
    for change in plan.changes:
        if change.address.kind == "iso" and change.action is Action.DELETE:
            yield change.volume, change.address
        found = work.actual.machines.get(change.vmid)
        if found is not None and change.action in (Action.DELETE, Action.REPLACE):
            yield from ((volume, change.address) for volume in found.volumes() if read_owner(volume) == change.vmid)
        machine = work.desired.get(change.address)
        for disk in machine.attached if machine is not None and change.action is not Action.DELETE else ():
            owner = work.actual.machines.get(disk.owner)
            config = coming_config(owner.config) if owner is not None else {}
            owned = find_by_serial(config, disk.serial, disk.volume)
            if owned is not None:
                yield owned[1].volume, change.address


def _list_started(work: Work, plan: Plan) -> Iterator[tuple[str, Address]]:
    """The disks of machines that would be started as they are."""
    for change in plan.of(Action.START, Action.COLD_START, Action.FINISH):
        if (found := work.actual.machines.get(change.vmid)) is not None:
            yield from ((volume, change.address) for _, volume in list_disks(found))


def _read_strangers(work: Work) -> Iterator[ActualMachine]:
    online = work.actual.online
    strangers = [
        listed
        for listed in work.actual.resources.machines
        if listed.vmid not in work.actual.machines and not listed.is_container and listed.node in online
    ]
    if not strangers:
        return
    configs = work.hypervisor.read_machines([(listed.node, listed.vmid) for listed in strangers])
    for listed in strangers:
        if (config := configs[listed.vmid]) is not None:
            yield ActualMachine(listed, config)

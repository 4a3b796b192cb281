"""Blind spots: what may not be done to data disks while machines of the site cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from homeprod.core.address import Address
from homeprod.plan.actual import Actual, ListedMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.desired import AttachedDisk, DesiredMachine
from homeprod.plan.drives import coming_config, find_by_serial
from homeprod.plan.plan import Conflict
from homeprod.plan.unknown import list_unread

_MAKES = (Action.CREATE, Action.REPLACE)
_WAIT = "start that node first; see what the others know of it, on one of them:\n\n  pvecm status"


def find_blind_dangers(
    site_id: str, actual: Actual, changes: Sequence[Change], desired: Mapping[Address, DesiredMachine]
) -> Iterator[Conflict]:
    """Machines whose data VM could not be read, and data disks that a machine which could not be read may have open:
    Proxmox asks nobody before it gives one disk to two machines."""
    vmids = {machine.vmid for machine in desired.values()}
    unread = {listed.vmid: listed for listed in list_unread(site_id, vmids, actual)}
    if not unread:
        return
    for change in changes:
        machine = desired.get(change.address)
        for disk in machine.attached if machine is not None and change.action is not Action.DELETE else ():
            if disk.owner in unread:
                yield from _refuse_unread_owner(change, disk, unread[disk.owner])
            else:
                yield from _refuse_unseen_user(change, disk, actual, unread.values())


def _refuse_unread_owner(change: Change, disk: AttachedDisk, owner: ListedMachine) -> Iterator[Conflict]:
    if change.action in _MAKES:
        words = (
            f"needs {disk.serial} of the data VM {disk.owner}, which is on the node {owner.node}, which is offline"
        )
        yield Conflict(change.address, words, _WAIT)


def _refuse_unseen_user(
    change: Change, disk: AttachedDisk, actual: Actual, unread: Collection[ListedMachine]
) -> Iterator[Conflict]:
    """A disk that it has already is nobody else's news; one on a node's own storage no other node reaches."""
    found, owner = actual.machines.get(change.vmid), actual.machines.get(disk.owner)
    owned = find_by_serial(coming_config(owner.config), disk.serial) if owner is not None else None
    here = find_by_serial(coming_config(found.config), disk.serial) if found is not None else None
    if owned is None or here is not None or not actual.is_shared(owned[1].storage):
        return
    nodes = ", ".join(sorted({listed.node for listed in unread}))
    words = f"would be given {disk.serial} ({owned[1].volume}), which a machine on {nodes} (offline) may have open"
    yield Conflict(change.address, words, f"two machines with one disk destroy what is on it: {_WAIT}")

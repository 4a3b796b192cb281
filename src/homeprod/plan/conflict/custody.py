"""Custody: what a plan would do to something that a person may want to keep. Each is a conflict: nothing is applied
before somebody has decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homeprod.core.address import Address
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Drive
from homeprod.plan.conflict.attachment import Holders, find_attachment_dangers, list_holders
from homeprod.plan.conflict.sharing import find_shared_disks
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.plan import Conflict
from homeprod.plan.volume import read_owner

_REMOVES = (Action.REPLACE, Action.DELETE)


def find_dangers(
    actual: Actual, changes: Sequence[Change], desired: Mapping[Address, DesiredMachine]
) -> Iterator[Conflict]:
    """What these changes may not do."""
    holders = list_holders(actual)
    for change in changes:
        found = actual.machines.get(change.vmid)
        if found is None:
            continue
        if found.listed.is_template:
            hint = (
                "make a machine of it again in Proxmox, or destroy it:\n\n  homeprod destroy " + change.address.name
            )
            yield Conflict(change.address, "was made a template in Proxmox, which cannot be changed or started", hint)
        elif change.action in _REMOVES:
            yield from _refuse_protected(change, found, desired.get(change.address))
            yield from _refuse_locked(change, found)
            yield from _refuse_managed(change, found)
            yield from _refuse_extras(change, found, desired.get(change.address))
            yield from _refuse_lent(change, found, holders)
    yield from find_attachment_dangers(actual, changes, desired)
    yield from find_shared_disks(actual, changes, desired)


def _refuse_protected(change: Change, found: ActualMachine, machine: DesiredMachine | None) -> Iterator[Conflict]:
    """Protected in Proxmox, or by the site, which Proxmox may not know yet."""
    is_declared = machine is not None and machine.config.get("protection") is True
    if found.is_protected or is_declared:
        hint = "take `protected=True` out of its module and apply that first"
        if change.action is Action.DELETE:
            hint = "put its module back with `protected=False`, apply, then take the module out again"
        yield Conflict(change.address, f"is protected, and the plan would {change.action.value} it", hint)


def _refuse_locked(change: Change, found: ActualMachine) -> Iterator[Conflict]:
    """Proxmox would refuse too, but half-way: after the shutdown."""
    lock = found.config.config.get("lock") or found.listed.lock
    if lock:
        hint = f"wait until Proxmox has ended it; if nothing runs any more, on its node:\n\n  qm unlock {change.vmid}"
        yield Conflict(change.address, f"is locked ({lock}) in Proxmox", hint)


def _refuse_managed(change: Change, found: ActualMachine) -> Iterator[Conflict]:
    """A replacement keeps what others know of the VMID, and HA would start the half-made machine at any moment.
    Proxmox refuses too, but after the shutdown ("used in HA resources and purge parameter not set")."""
    if found.listed.is_managed and change.action is Action.REPLACE:
        hint = (
            "take it out of HA meanwhile, on a node, and add it again afterwards:\n\n"
            f"  ha-manager remove vm:{change.vmid}"
        )
        yield Conflict(change.address, "is kept by Proxmox's HA, and the plan would replace it", hint)


def _refuse_extras(change: Change, found: ActualMachine, machine: DesiredMachine | None) -> Iterator[Conflict]:
    """Disks that somebody added by hand, and snapshots, go with the machine; a person must know."""
    made = set(machine.disks) if machine is not None else {"scsi0"}
    drives = {**found.config.config, **found.config.pending}.items()
    extras = {key: drive.volume for key, drive in drives if isinstance(drive, Drive) and not drive.is_cdrom}
    own = {
        slot: volume
        for slot, volume in {**extras, **found.unused()}.items()
        if slot not in made and read_owner(volume) == change.vmid
    }
    things = [f"{slot} ({volume})" for slot, volume in sorted(own.items())]
    if snapshot := found.config.config.get("parent"):  # Proxmox's name for the one that it stands on
        things.append(f"snapshots (the last is {snapshot})")
    if things:
        yield Conflict(
            change.address,
            f"has what the site did not make, and would be lost with it: {', '.join(things)}",
            "move it elsewhere or remove it in Proxmox; or, if nobody needs it:\n\n"
            f"  homeprod destroy {change.address.name}",
        )


def _refuse_lent(change: Change, found: ActualMachine, holders: Holders) -> Iterator[Conflict]:
    """Proxmox frees a machine's volumes without asking who uses them."""
    for volume in sorted(found.volumes()):
        if read_owner(volume) != change.vmid:
            continue
        for holder in holders[volume]:
            if holder.listed.vmid != change.vmid:
                name = str(holder.mark.address) if holder.mark is not None else repr(holder.listed.name)
                words = f"its disk {volume} is in use by {name} (VMID {holder.listed.vmid}), and would be lost"
                yield Conflict(change.address, words, "detach it there first, or give it to that machine in Proxmox")

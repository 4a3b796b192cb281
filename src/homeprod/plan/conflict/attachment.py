"""Attachments: data disks as they are used now, and what a plan may not do to one.

Proxmox itself lets two running machines have one volume, swaps a volume under a running guest, and makes an empty
disk where one of that serial was only detached. Each of these is a conflict here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homeprod.core.address import Address
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Drive
from homeprod.plan.desired import AttachedDisk, DesiredMachine
from homeprod.plan.drives import coming_config, coming_value, find_by_serial
from homeprod.plan.plan import Conflict
from homeprod.plan.volume import read_owner

_REMOVES = (Action.REPLACE, Action.DELETE)
Holders = Mapping[str, Sequence[ActualMachine]]
"""By volume, the machines that name it, now or after a cold start."""


def list_holders(actual: Actual) -> Holders:
    holders: dict[str, list[ActualMachine]] = {}
    for _, found in sorted(actual.machines.items()):
        for volume in found.volumes():
            holders.setdefault(volume, []).append(found)
    return holders


def find_attachment_dangers(
    actual: Actual, changes: Sequence[Change], desired: Mapping[Address, DesiredMachine]
) -> Iterator[Conflict]:
    """Where these changes would use a data disk twice, take another in its place, or not reach it."""
    holders = list_holders(actual)
    freed = {change.vmid for change in changes if change.action in _REMOVES}
    by_vmid = {machine.vmid: machine for machine in desired.values()}
    unread = actual.unread
    for change in changes:
        machine = desired.get(change.address)
        if machine is None or change.action is Action.DELETE:
            continue
        for disk in machine.attached:
            if disk.owner in unread:  # a matter of the blind spots
                continue
            yield from _refuse_running_owner(change, disk, actual)
            yield from _refuse_swap(change, disk, actual, by_vmid)
            yield from _refuse_second_user(change, disk, actual, holders, freed)
            yield from _refuse_distance(change, machine, disk, actual, by_vmid)


def _find_volume(disk: AttachedDisk, actual: Actual) -> str | None:
    owner = actual.machines.get(disk.owner)
    owned = find_by_serial(coming_config(owner.config), disk.serial, disk.volume) if owner is not None else None
    return owned[1].volume if owned is not None else None


def _refuse_running_owner(change: Change, disk: AttachedDisk, actual: Actual) -> Iterator[Conflict]:
    owner = actual.machines.get(disk.owner)
    if owner is not None and owner.listed.status == "running":
        words = f"the data VM of {disk.serial} (VMID {disk.owner}) is running, and has that disk open"
        yield Conflict(change.address, words, f"a data VM is never started; on its node:\n\n  qm stop {disk.owner}")


def _refuse_swap(
    change: Change, disk: AttachedDisk, actual: Actual, by_vmid: Mapping[int, DesiredMachine]
) -> Iterator[Conflict]:
    """The volume that it has now holds what was written last, whatever its data VM shows."""
    found = actual.machines.get(change.vmid)
    here = find_by_serial(coming_config(found.config), disk.serial, disk.volume) if found is not None else None
    if here is None or (change.action is Action.REPLACE and read_owner(here[1].volume) != disk.owner):
        return
    volume = _find_volume(disk, actual)
    if here[1].volume != volume:
        keeper = by_vmid.get(disk.owner)
        if volume is None and keeper is not None and read_owner(here[1].volume) == change.vmid:
            hint = (
                "where the machine came from a backup, give its data VM the disk, whose bytes stay\n\n"
                f"  homeprod adopt --disk {change.address.name} {here[0]} --to {keeper.address.name}"
            )
        else:
            hint = (
                "only you know which of them holds the data: shut the machine down, and give both the same one with"
                f"\n\n  qm set VMID --SLOT VOLUME,serial={disk.serial}"
            )
        words = f"uses {here[1].volume} as {disk.serial}, its data VM has {volume or 'no such disk'}"
        yield Conflict(change.address, words, hint)


def _refuse_second_user(
    change: Change, disk: AttachedDisk, actual: Actual, holders: Holders, freed: set[int]
) -> Iterator[Conflict]:
    volume = _find_volume(disk, actual)
    for holder in holders.get(volume or "", ()):
        vmid = holder.listed.vmid
        if vmid not in (change.vmid, disk.owner) and vmid not in freed:
            name = str(holder.mark.address) if holder.mark is not None else repr(holder.listed.name)
            yield Conflict(
                change.address,
                f"{disk.serial} ({volume}) is attached to {name} (VMID {vmid})",
                "two machines with one disk destroy what is on it: shut that one down and detach it there first;"
                " or apply both together, where the site hands it over",
            )


def _refuse_distance(
    change: Change, machine: DesiredMachine, disk: AttachedDisk, actual: Actual, by_vmid: Mapping[int, DesiredMachine]
) -> Iterator[Conflict]:
    """A disk on a node's own storage cannot be attached on another node."""
    found, owner = actual.machines.get(disk.owner), by_vmid.get(disk.owner)
    place = found.listed.node if found is not None else owner.node if owner is not None else ""
    node = machine.node if change.action in (Action.CREATE, Action.REPLACE) else change.node
    volume = _find_volume(disk, actual) or next(
        (new.storage for new in (owner.disks.values() if owner else ()) if ("serial", disk.serial) in new.options), ""
    )
    storage = volume.partition(":")[0]
    if place and place != node and storage and not actual.is_shared(storage):
        yield Conflict(
            change.address,
            f"{disk.serial} lies on {storage} of the node {place}, which the node {node} does not reach",
            "place the machine on the node of its data VM (`node=`), or both on a shared storage",
        )


def find_disk_doubts(desired: Mapping[Address, DesiredMachine], actual: Actual) -> Iterator[Conflict]:
    """Disks that cannot be told: two of one serial, one in use twice, or one that is missing while there is one that
    nothing names."""
    holders = list_holders(actual)
    for address, machine in sorted(desired.items()):
        found = actual.machines.get(machine.vmid)
        if machine.is_adopted:  # its losses are found by themselves
            yield from _refuse_two_users(address, found, holders) if found is not None else ()
            continue
        if found is not None and found.mark is not None and {address.kind, found.mark.address.kind} == {"vm"}:
            yield from _refuse_second_boot_disk(address, machine, found)
        if found is None or found.mark is None or {address.kind, found.mark.address.kind} != {"data-vm"}:
            continue
        serials = [serial for disk in machine.disks.values() if (serial := dict(disk.options).get("serial"))]
        for serial in serials:
            yield from _refuse_doubles(address, serial, found)
        yield from _refuse_two_users(address, found, holders)
        missing = [serial for serial in serials if find_by_serial(coming_config(found.config), serial) is None]
        if missing and (unnamed := sorted(set(_list_unnamed(found)))):
            yield Conflict(
                address,
                f"lacks the disk {missing[0]}, and owns {', '.join(unnamed)}, which may be it",
                "a new one would be empty; if that is it, give it its serial back, on the node:\n\n"
                f"  qm set {machine.vmid} --scsi0 {unnamed[0]},serial={missing[0]},backup=0\n\n"
                "if not, move or remove it in Proxmox first",
            )


def _refuse_second_boot_disk(address: Address, machine: DesiredMachine, found: ActualMachine) -> Iterator[Conflict]:
    unused = sorted(found.unused().values())
    lacking = sorted(slot for slot in machine.disks if coming_value(found.config, slot) is None)
    if lacking and unused:
        yield Conflict(
            address,
            f"lacks its disk {lacking[0]}, and owns {', '.join(unused)}, which may be it",
            f"attach it again, on the node:\n\n  qm set {machine.vmid} --{lacking[0]} {unused[0]}\n\n"
            "or remove it in Proxmox, and a new one is made from the image",
        )


def _refuse_two_users(address: Address, found: ActualMachine, holders: Holders) -> Iterator[Conflict]:
    for volume in sorted(found.volumes()):
        others = [holder for holder in holders[volume] if holder.listed.vmid != found.listed.vmid]
        if len(others) > 1:
            names = " and ".join(str(o.mark.address) if o.mark is not None else repr(o.listed.name) for o in others)
            hint = "two machines with one disk destroy what is on it: shut down one of them now, and detach it there"
            yield Conflict(address, f"{volume} is attached to {names}", hint)


def _refuse_doubles(address: Address, serial: str, found: ActualMachine) -> Iterator[Conflict]:
    slots = [
        slot
        for slot, value in sorted(coming_config(found.config).items())
        if isinstance(value, Drive) and ("serial", serial) in value.options
    ]
    if len(slots) > 1:
        hint = "only you know which one it is: take the other's serial away in Proxmox, or move it elsewhere"
        yield Conflict(address, f"has two disks with serial {serial}: {', '.join(slots)}", hint)


def _list_unnamed(found: ActualMachine) -> Iterator[str]:
    """Its own volumes that no serial names, detached ones among them."""
    yield from found.unused().values()
    for value in coming_config(found.config).values():
        is_own = isinstance(value, Drive) and read_owner(value.volume) == found.listed.vmid
        if is_own and isinstance(value, Drive) and "serial" not in dict(value.options):
            yield value.volume

"""Strangers: machines that are not this site's, though they hold its VMIDs or look like its machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeprod.core.address import Address
from homeprod.plan.actual import Actual, ActualMachine, ListedMachine
from homeprod.plan.conflict.adoption import find_hindrance, refuse_absence
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.mark import site_tag
from homeprod.plan.plan import Conflict, Notice

_OTHER_NUMBER = "choose another number or vmid, or write the VMID into `taken` of the AddressPlan"


def find_stranger(
    site_id: str,
    machine: DesiredMachine,
    found: ActualMachine | None,
    listed: ListedMachine | None,
) -> Conflict | None:
    """What stands in the way of a machine at its VMID: somebody else's machine, or one that could not be read."""
    if found is None:
        unread = _find_unread(machine, listed) if listed is not None else None
        return unread or (refuse_absence(machine) if machine.is_adopted else None)
    mark = found.mark
    if is_in_the_making(found):
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} is being made just now (Proxmox's own lock: create)",
            "wait until that task has ended, then repeat it; if none runs any more, remove it on its node:\n\n"
            f"  qm unlock {machine.vmid} && qm destroy {machine.vmid}",
            passes=True,
        )
    if mark is None or mark.site != site_id:
        if machine.is_adopted:
            return find_hindrance(site_id, machine, found)
        return _refuse_stranger(site_id, machine, found)
    if mark.address.kind != machine.address.kind:
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} is the {mark.address.kind} {mark.address.name} of this site",
            "one never becomes the other: choose another number or vmid for the new one",
        )
    return None


def is_in_the_making(found: ActualMachine) -> bool:
    """Proxmox writes a new machine's note with all the rest when its disks are there; until then it is locked."""
    lock = found.config.config.get("lock", found.listed.lock)
    return lock == "create" and found.note_mark is None


def _find_unread(machine: DesiredMachine, listed: ListedMachine) -> Conflict | None:
    if listed.is_container:
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} is held by the container {listed.name!r}, which is not this site's",
            _OTHER_NUMBER,
        )
    return None


def _refuse_stranger(site_id: str, machine: DesiredMachine, found: ActualMachine) -> Conflict:
    mark = found.note_mark
    if mark is not None and mark.site == site_id:
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} holds a copy of {mark.address} (VMID {mark.vmid}), made by hand",
            "move what you need of it elsewhere and remove it in Proxmox, or choose another number or vmid",
        )
    tags = found.config.config.get("tags", frozenset())
    if mark is None and isinstance(tags, frozenset) and site_tag(site_id) in tags:
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} ({found.listed.name!r}) has this site's tag, but its note no longer says so",
            "homeprod touches only what is marked as its own; put the `homeprod-` lines of its note back as they were"
            " (a backup of the machine has them)",
        )
    return Conflict(
        machine.address,
        f"VMID {machine.vmid} is held by {found.listed.name!r}, which is not this site's",
        f"{_OTHER_NUMBER}; or, if it is to be the site's from now on, take its module away and adopt it:\n\n"
        f"  homeprod adopt {machine.vmid}",
    )


def find_copies(site_id: str, desired: Mapping[Address, DesiredMachine], actual: Actual) -> Iterator[Notice]:
    """A clone, or a backup restored to another VMID, has the mark of the machine that it was made from. Nobody knows
    what its owner wants with it, so it is never deleted."""
    wanted = {machine.vmid for machine in desired.values()}
    for vmid, found in sorted(actual.machines.items()):
        mark = found.note_mark
        if vmid not in wanted and mark is not None and mark.site == site_id and mark.vmid != vmid:
            words = f"VMID {vmid} ({found.listed.name!r}) is a copy of it, made by hand; it is left alone"
            yield Notice(mark.address, words, differs=False)

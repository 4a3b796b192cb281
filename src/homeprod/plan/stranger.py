"""Strangers: machines that are not this site's, though they hold its VMIDs or look like its machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeprod.core.address import Address
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.mark import site_tag
from homeprod.plan.plan import Conflict, Notice


def refuse_stranger(site_id: str, machine: DesiredMachine, found: ActualMachine) -> Conflict:
    """The conflict of a machine whose VMID somebody else has."""
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
        "choose another number or vmid, or write the VMID into `taken` of the AddressPlan",
    )


def find_copies(site_id: str, desired: Mapping[Address, DesiredMachine], actual: Actual) -> Iterator[Notice]:
    """A clone, or a backup restored to another VMID, has the mark of the machine that it was made from. Nobody knows
    what its owner wants with it, so it is never deleted."""
    wanted = {machine.vmid for machine in desired.values()}
    for vmid, found in sorted(actual.machines.items()):
        mark = found.note_mark
        if vmid not in wanted and mark is not None and mark.site == site_id and mark.vmid != vmid:
            words = f"VMID {vmid} ({found.listed.name!r}) is a copy of it, made by hand; it is left alone"
            yield Notice(mark.address, words)

"""Adoption: what stands in the way of taking over a machine that was there before the site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeprod.core.address import Address
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drives import list_missing
from homeprod.plan.mark import has_mark_lines
from homeprod.plan.plan import Conflict


def refuse_absence(machine: DesiredMachine) -> Conflict:
    """Nobody knows what an adopted machine was made from."""
    kind = "AdoptedDataVirtualMachine" if machine.address.kind == "data-vm" else "AdoptedVirtualMachine"
    words = "a DataVirtualMachine, and its disks will be new and empty"
    if machine.address.kind == "vm":
        words = "a VirtualMachine, with `image=`, `boot=` and `people=`"
    return Conflict(
        machine.address,
        f"was adopted, and VMID {machine.vmid} is not there any more; the site does not say what it is made from",
        f"restore it from a backup to that VMID; or, to have it made anew, write in place of {kind}\n{words}",
    )


def find_hindrance(site_id: str, machine: DesiredMachine, found: ActualMachine) -> Conflict | None:
    """Why a machine that is not this site's yet, though its module says that it is adopted, cannot be."""
    mark = found.note_mark
    if mark is not None and mark.vmid == found.listed.vmid:
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} belongs to another site of homeprod ({mark.site}), as {mark.address}",
            f"a machine has one site; give it up there first:\n\n  homeprod forget {mark.address.name}",
        )
    if mark is not None:
        whose = "this site's" if mark.site == site_id else "another site's"
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} has the mark of {whose} {mark.address} (VMID {mark.vmid}): it is a copy of that",
            "take the lines that begin with `homeprod-` out of its note in Proxmox, then repeat",
        )
    if has_mark_lines(str(found.config.config.get("description", ""))):
        return Conflict(
            machine.address,
            f"the note of VMID {machine.vmid} has lines like those by which homeprod knows its machines",
            "take the lines that begin with `homeprod-` out of its note in Proxmox, then repeat",
        )
    return _find_unfitness(machine, found)


def _find_unfitness(machine: DesiredMachine, found: ActualMachine) -> Conflict | None:
    if found.listed.is_template:
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} is a template, which is never started",
            "adopt the machines that were made from it; or make one of it in Proxmox (Clone)",
        )
    if machine.address.kind == "data-vm" and found.listed.status == "running":
        return Conflict(
            machine.address,
            f"VMID {machine.vmid} is running, and a data VM never is",
            f"if nothing else uses its disks, declare it as AdoptedVirtualMachine; else, on its node:\n\n"
            f"  qm shutdown {machine.vmid}",
        )
    return None


def find_losses(desired: Mapping[Address, DesiredMachine], actual: Actual) -> Iterator[Conflict]:
    """Disks of adopted machines that are gone. Those of others are made again; what was on these is not known."""
    for address, machine in sorted(desired.items()):
        found = actual.machines.get(machine.vmid)
        if not machine.is_adopted or found is None:
            continue
        for place, new in list_missing(machine, found):
            unused = sorted(found.unused().values())
            maybe = f"; it owns {', '.join(unused)}, which may be it" if unused else ""
            yield Conflict(
                address,
                f"lacks its disk {new.volume or place}{maybe}",
                "attach it again in Proxmox (Hardware, Edit); or, if it is not wanted, take it out of the module",
            )

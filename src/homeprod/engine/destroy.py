"""Destroy one machine that a person named: what must be so before, and the plan for it."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.errors import HomeprodError, NotFoundError, UsageError
from homeprod.engine.ports import Hypervisor
from homeprod.engine.read import read_others
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Drive
from homeprod.plan.plan import Plan
from homeprod.plan.unknown import check_known
from homeprod.plan.volume import read_owner
from homeprod.site.site import Site


def plan_destruction(site: Site, actual: Actual, name: str, *, is_data: bool) -> Plan:
    """A plan that destroys just this machine of the site. Raises HomeprodError for one that is not there, is
    protected, or is of the other kind."""
    kind = "data-vm" if is_data else "vm"
    found = _find(site, actual, name)
    if found is None or found.mark is None:
        check_known(site, actual, name)
        raise NotFoundError(
            f"no machine of this site is named {name!r} in Proxmox", hint="see what there is:\n\n  homeprod status"
        )
    if found.mark.address.kind != kind:
        hint = f"homeprod destroy {'' if is_data else '--data '}{name}"
        raise UsageError(f"{name} is a {found.mark.address.kind}, not a {kind}", hint=f"meant was:\n\n  {hint}")
    declared = next((d for d in site.machines.values() if site.vmid(d.machine) == found.listed.vmid), None)
    if not is_data and (found.is_protected or (declared is not None and declared.machine.protected)):
        raise HomeprodError(
            "is protected; nothing was done",
            where=str(found.mark.address),
            hint="take `protected=True` out of its module and apply that first",
        )
    listed = found.listed
    change = Change(Action.DELETE, found.mark.address, listed.node, listed.vmid, why="as you asked")
    return Plan((change,))


def _find(site: Site, actual: Actual, name: str) -> ActualMachine | None:
    """By its VMID, by the name in its mark, or by the number of the module of that name, which was renamed since.
    Raises UsageError for a name that means several: after a change of numbers, an old machine may be kept."""
    declared = site.machines.get(name)
    number = site.vmid(declared.machine) if declared is not None else None
    named = {
        vmid: found
        for vmid, found in sorted(actual.machines.items())
        if found.mark is not None
        and found.mark.site == site.config.id
        and (found.mark.address.name == name or vmid == number or str(vmid) == name)
    }
    if len(named) > 1:
        vmids = " or ".join(str(vmid) for vmid in named)
        marks = [(vmid, found.mark) for vmid, found in named.items() if found.mark is not None]
        options = {vmid: "--data " if mark.address.kind == "data-vm" else "" for vmid, mark in marks}
        lines = "".join(f"\n  homeprod destroy {option}{vmid}" for vmid, option in options.items())
        raise UsageError(f"{name} could be VMID {vmids}", hint=f"say which by its VMID:\n{lines}")
    return next(iter(named.values()), None)


def list_disks(found: ActualMachine) -> list[tuple[str, Drive]]:
    """Slot and drive of everything that the machine itself owns, detached disks too: it is all lost with it."""
    values = {**found.config.config, **found.config.pending}
    drives = {slot: value for slot, value in values.items() if isinstance(value, Drive)}
    drives |= {slot: Drive(volume) for slot, volume in found.unused().items()}
    return [
        (slot, drive)
        for slot, drive in sorted(drives.items())
        if not drive.is_cdrom and read_owner(drive.volume) == found.listed.vmid
    ]


def check_unused(site: Site, hypervisor: Hypervisor, change: Change) -> None:
    """A person took some time to agree, and Proxmox frees the volumes without asking who uses them. Raises
    HomeprodError."""
    users = sorted(find_users(hypervisor, change.vmid), key=lambda user: (user.listed.name, user.listed.vmid))
    if users:
        names = ", ".join(f"{user.listed.name} ({user.listed.vmid})" for user in users)
        message = f"its disks are in use by {names}; nothing was done"
        raise HomeprodError(message, where=str(change.address), hint=_advise_users(site, users))


def _advise_users(site: Site, users: list[ActualMachine]) -> str:
    """The site's own are destroyed by a command, if that is meant; another's machine only lets go of the disk."""
    marks = [user.mark for user in users]
    ours = [mark for mark in marks if mark is not None and mark.site == site.config.id]
    if not ours:
        return "shut it down and detach the disk there first, in Proxmox"
    commands = "".join(f"\n  homeprod destroy {mark.address.name}" for mark in ours)
    others = "; detach the disk from the others, in Proxmox" if len(ours) < len(users) else ""
    way = f"destroy what uses them first{others}; or take the Mount out of its module and apply, which replaces it"
    return f"{way}:\n{commands}"


def find_users(hypervisor: Hypervisor, owner: int) -> Iterator[ActualMachine]:
    """Every machine of the cluster, ours or not, that names a volume of this owner now. Reads the list, and one call
    a machine. Raises HomeprodError while some cannot be asked."""
    for other in read_others(hypervisor, hypervisor.read_resources(), {owner}):
        if any(read_owner(volume) == owner for volume in other.volumes()):
            yield other

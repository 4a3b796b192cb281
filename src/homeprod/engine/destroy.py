"""Destroy one machine that a person named: what must be so before, and the plan for it."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.errors import HomeprodError, NotFoundError, UsageError
from homeprod.engine.ports import Hypervisor
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Drive
from homeprod.plan.plan import Plan
from homeprod.plan.volume import read_owner
from homeprod.site.site import Site


def plan_destruction(site: Site, actual: Actual, name: str, *, is_data: bool) -> Plan:
    """A plan that destroys just this machine of the site. Raises HomeprodError for one that is not there, is
    protected, or is of the other kind."""
    kind = "data-vm" if is_data else "vm"
    found = _find(site, actual, name)
    if found is None or found.mark is None:
        raise NotFoundError(f"no machine of this site is named {name!r} in Proxmox", hint="see homeprod status")
    if found.mark.address.kind != kind:
        hint = f"homeprod destroy {'' if is_data else '--data '}{name}"
        raise UsageError(f"{name} is a {found.mark.address.kind}, not a {kind}", hint=f"meant was:\n\n  {hint}")
    if found.is_protected and not is_data:
        raise HomeprodError(
            "is protected; nothing was done",
            where=str(found.mark.address),
            hint="take `protected=True` out of its module and apply that first",
        )
    listed = found.listed
    change = Change(Action.DELETE, found.mark.address, listed.node, listed.vmid, why="as you asked")
    return Plan((change,))


def _find(site: Site, actual: Actual, name: str) -> ActualMachine | None:
    """By the name in its mark; by its number, where the module was renamed since."""
    ours = [found for found in actual.machines.values() if found.mark and found.mark.site == site.config.id]
    named = [found for found in ours if found.mark and found.mark.address.name == name]
    declared = site.machines.get(name)
    if not named and declared is not None:
        named = [found for found in ours if found.listed.vmid == site.vmid(declared.machine)]
    return named[0] if named else None


def list_disks(found: ActualMachine) -> list[tuple[str, Drive]]:
    """Slot and drive of everything that the machine itself owns."""
    drives = [(slot, value) for slot, value in sorted(found.config.config.items()) if isinstance(value, Drive)]
    return [
        (slot, drive) for slot, drive in drives if not drive.is_cdrom and f"vm-{found.listed.vmid}-" in drive.volume
    ]


def find_users(hypervisor: Hypervisor, owner: int) -> Iterator[str]:
    """Every machine of the cluster, ours or not, that names a volume of this owner now. Reads the list, and one call
    a machine."""
    others = [m for m in hypervisor.read_resources().machines if m.vmid != owner and not m.is_container]
    configs = hypervisor.read_machines([(machine.node, machine.vmid) for machine in others])
    for machine in others:
        config = configs[machine.vmid]
        if config is None:
            continue
        if any(read_owner(volume) == owner for volume in ActualMachine(machine, config).volumes()):
            yield f"{machine.name} ({machine.vmid})"

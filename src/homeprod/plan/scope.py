"""Scope: the part of a plan that a person asked for by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from homeprod.core.address import Address
from homeprod.core.errors import UsageError
from homeprod.plan.actual import Actual
from homeprod.plan.bundle import SLOT as BUNDLE_SLOT
from homeprod.plan.bundle import bundle_name
from homeprod.plan.conflict.blind import find_blind_dangers
from homeprod.plan.conflict.custody import find_dangers
from homeprod.plan.conflict.obstacle import find_obstacles
from homeprod.plan.desired import desire
from homeprod.plan.leftover import read_machine_name
from homeprod.plan.plan import Plan
from homeprod.site.site import Site


def choose_part(plan: Plan, names: Collection[str], site: Site, actual: Actual) -> Plan:
    """The changes of these machines and of what they are made from: their images, and the data VMs whose disks they
    use. What stands in the way only because the others are left out is a conflict too. Raises UsageError for a name
    that the site does not have."""
    desired = desire(site)
    wanted: set[Address] = set()
    for name in names:
        found = [address for address in desired if address.name == name]
        gone = [change.address for change in plan.changes if change.address.name == name]
        if not found and not gone:
            known = ", ".join(sorted(address.name for address in desired))
            raise UsageError(f"the site has no machine {name!r}", hint=f"there are: {known}")
        wanted.update(found, gone)
    owners = {disk.owner for address in wanted & desired.keys() for disk in desired[address].attached}
    images = {
        disk.import_from.partition("/")[2]
        for address in wanted & desired.keys()
        for disk in desired[address].disks.values()
        if disk.import_from is not None
    }
    wanted |= {address for address, machine in desired.items() if machine.vmid in owners}
    wanted |= {Address("image", image) for image in images}
    if any(BUNDLE_SLOT in desired[address].config for address in wanted & desired.keys()):
        wanted.add(Address("iso", bundle_name(site)))
    wanted |= {change.address for change in plan.changes if _is_iso_of(change.address, names)}
    part = plan.only(frozenset(wanted))
    conflicts = (
        *part.conflicts,
        *find_dangers(actual, part.changes, desired),
        *find_blind_dangers(site.config.id, actual, part.changes, desired),
        *find_obstacles(site, actual, part.changes, desired),
    )
    return replace(part, conflicts=tuple(dict.fromkeys(conflicts)))


def _is_iso_of(address: Address, names: Collection[str]) -> bool:
    """An ISO that an apply which was cut off left behind."""
    return address.kind == "iso" and read_machine_name(address.name) in names

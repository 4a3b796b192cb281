"""Unknown: machines on a node that is off. Nothing is known of them, so nothing is done to them: they are neither
gone, nor made again elsewhere, and what may be theirs is left alone.

The list still shows where such a machine is, and its tags, since every node holds the whole cluster's configuration;
its configuration itself only its own node gives (`proxyto` in the published API schema).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.plan.actual import Actual, ListedMachine
from homeprod.plan.change import Difference
from homeprod.plan.desired import DesiredMachine, desire
from homeprod.plan.mark import site_tag
from homeprod.site.site import Site

WAIT = (
    "it is left alone until its node is back; see what the others know of that node, on one of them:\n\n"
    "  pvecm status\n\n"
    "if it never comes back: docs/how-to/cluster.md"
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A machine of this site that could not be read, on ``node``."""

    address: Address
    vmid: int
    node: str

    @property
    def message(self) -> str:
        return f"unknown: it is on the node {self.node}, which is offline"

    @property
    def hint(self) -> str:
        return WAIT


def find_unknown(site_id: str, desired: Mapping[Address, DesiredMachine], actual: Actual) -> tuple[Unknown, ...]:
    """Those that hold a VMID of the site, or carry its tag; by VMID."""
    addresses = {machine.vmid: address for address, machine in desired.items()}
    return tuple(
        Unknown(addresses.get(listed.vmid) or _guess_address(listed), listed.vmid, listed.node)
        for listed in list_unread(site_id, addresses, actual)
    )


def check_known(site: Site, actual: Actual, name: str) -> None:
    """Before a machine of that name (or VMID) is said not to be there. Raises HomeprodError where it is on a node
    that is off."""
    for unknown in find_unknown(site.config.id, desire(site), actual):
        if name in (unknown.address.name, str(unknown.vmid)):
            raise HomeprodError(f"{unknown.message}; nothing was done", where=str(unknown.address), hint=unknown.hint)


def list_unread(site_id: str, vmids: Collection[int], actual: Actual) -> Iterator[ListedMachine]:
    """Machines on nodes that are off, which have one of these VMIDs or the site's tag; by VMID."""
    online, tag = actual.online, site_tag(site_id)
    for listed in sorted(actual.resources.machines, key=lambda machine: machine.vmid):
        is_ours = listed.vmid in vmids or tag in listed.tags
        if is_ours and not listed.is_container and listed.node not in online:
            yield listed


def leave_unknown_disks(
    differences: Iterable[Difference], machine: DesiredMachine, unknown: Collection[int]
) -> tuple[Difference, ...]:
    """Without those that would attach a disk of a data VM of which nothing is known: it may be attached already."""
    unsaid = [f"disk {disk.serial} of {disk.owner}" for disk in machine.attached if disk.owner in unknown]
    return tuple(difference for difference in differences if difference.new not in unsaid)


def _guess_address(listed: ListedMachine) -> Address:
    """It left the site; after some minutes the list no longer shows its name either."""
    return Address("vm", listed.name or f"VMID-{listed.vmid}")

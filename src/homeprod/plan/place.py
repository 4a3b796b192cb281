"""Places: a machine is where it is. HA or a person may move it, and homeprod never does."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.config import Drive
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drives import coming_config
from homeprod.plan.plan import Notice
from homeprod.plan.volume import read_owner


def notice_place(machine: DesiredMachine, found: ActualMachine, actual: Actual) -> Iterator[Notice]:
    """A machine that is not where the site says: that it stays there, and what stands in the way of moving it."""
    node = found.listed.node
    if node == machine.node:
        return
    anchors = ", ".join(f"{slot} ({volume})" for slot, volume in find_anchors(found, actual))
    lent = ", ".join(f"{volume} by {user}" for volume, user in find_lent(found, actual))
    if lent:
        how = f"never migrate it while its disks are in use ({lent}): Proxmox would take them away from under it"
    elif anchors:
        how = f"Proxmox can migrate it only without {anchors}, which {node} alone reaches"
    else:
        how = f"migrate it in Proxmox, or write node={node!r} into its module"
    yield Notice(machine.address, f"is on the node {node}, the site says {machine.node}; it stays there: {how}")


def find_anchors(found: ActualMachine, actual: Actual) -> Iterator[tuple[str, str]]:
    """Slot and volume of what Proxmox does not take along to another node: a CD, and another machine's disk, on a
    storage that is not shared. A machine's own disks it copies."""
    for slot, drive in _list_local_drives(found, actual):
        if drive.is_cdrom or read_owner(drive.volume) != found.listed.vmid:
            yield slot, drive.volume


def find_lent(found: ActualMachine, actual: Actual) -> Iterator[tuple[str, str]]:
    """Its own volumes on a storage that is not shared which other machines use, and who does. Proxmox copies them to
    the other node, and deletes them here without asking who uses them."""
    own = {drive.volume for _, drive in _list_local_drives(found, actual)}
    own = {volume for volume in own if read_owner(volume) == found.listed.vmid}
    for vmid, other in sorted(actual.machines.items()) if own else ():
        if vmid != found.listed.vmid:
            name = str(other.mark.address) if other.mark is not None else repr(other.listed.name)
            yield from ((volume, name) for volume in sorted(own & other.volumes()))


def _list_local_drives(found: ActualMachine, actual: Actual) -> Iterator[tuple[str, Drive]]:
    for slot, value in sorted(coming_config(found.config).items()):
        if isinstance(value, Drive) and ":" in value.volume and not actual.is_shared(value.storage):
            yield slot, value

"""Losses: what goes with the machines of a drill and what stays, told before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.cli.drill.sight import Sight
from homeprod.core.sizes import format_size
from homeprod.engine.destroy import list_disks
from homeprod.plan.drill import list_apart
from homeprod.site.site import Site


def describe_losses(site: Site, seen: Sight) -> Iterator[str]:
    """A line each."""
    if seen.is_resumed:
        yield f"going on with the drill that began {seen.note.began}"
    if not seen.doomed:
        yield "nothing more is destroyed"
    else:
        yield "goes for good, with everything on it:"
    for address, found in seen.doomed.items():
        for slot, drive in list_disks(found):
            size = f", {format_size(drive.size)}" if drive.size is not None else ""
            yield f"  {address.name}  VMID {found.listed.vmid}  {slot}: {drive.volume}{size}"
    bare = [address.name for address in seen.doomed if not seen.chosen[address].attached]
    if bare:
        yield f"  nothing at all stays of these, which have no data disk: {', '.join(bare)}"
    if seen.note.disks:
        yield "stays, and is compared afterwards:"
    for disk in seen.note.disks:
        size = f", {format_size(disk.size)}" if disk.size is not None else ""
        yield f"  {disk.owner}  {disk.slot} {disk.label}: {disk.volume}{size}"
    if apart := list_apart(site, seen.planned.actual, [address.name for address in seen.chosen]):
        yield f"left as they are: {', '.join(apart)}"

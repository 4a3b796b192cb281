"""Leftovers: files of this site that nothing needs any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homeprod.core.address import Address
from homeprod.plan.actual import Actual
from homeprod.plan.change import Action, Change
from homeprod.plan.guest import desire_iso
from homeprod.plan.image import desire_images
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site


def find_leftovers(site: Site, actual: Actual, changes: Sequence[Change]) -> Iterator[Change]:
    """ISOs and images of this site that no configuration names, now or after a cold start, and that no change of the
    plan makes. The ISO of a machine that is changed, replaced or deleted goes with that change."""
    needed = {volume for found in actual.machines.values() for volume in found.volumes()}
    needed |= {image.volume for image in desire_images(site)}
    needed |= {name_iso_volume(site, change) for change in changes}
    prefixes = {f"{kind}/homeprod-{site.config.id[:8]}-": name for kind, name in _KINDS.items()}
    seen: set[tuple[str, str]] = set()
    for (node, _), volumes in sorted(actual.content.items()):
        for volume in volumes:
            file = volume.id.partition(":")[2]
            kind = next((name for prefix, name in prefixes.items() if file.startswith(prefix)), None)
            place = ("" if actual.is_shared(volume.id.partition(":")[0]) else node, volume.id)
            if kind is not None and volume.id not in needed and place not in seen:
                seen.add(place)
                address = Address(kind, file.partition("/")[2])
                yield Change(Action.DELETE, address, node, why="nothing uses it", volume=volume.id)


_KINDS = {"iso": "iso", "import": "image"}


def name_iso_volume(site: Site, change: Change) -> str:
    """The volume of the ISO that a change makes or keeps; empty for one of something without an ISO."""
    declared = site.machines.get(change.address.name)
    if declared is None or change.address != declared.address or not isinstance(declared.machine, VirtualMachine):
        return ""
    return desire_iso(site, declared.name, declared.machine, change.instance).volume

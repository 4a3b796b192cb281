"""Leftovers: files of this site that nothing needs any more."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from homeprod.core.address import Address
from homeprod.plan.actual import Actual
from homeprod.plan.bundle import desire_bundles
from homeprod.plan.change import Action, Change
from homeprod.plan.conflict.stranger import is_in_the_making
from homeprod.plan.guest import desire_iso
from homeprod.plan.image import desire_images
from homeprod.plan.unknown import list_unread
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site


def find_leftovers(site: Site, actual: Actual, changes: Sequence[Change]) -> Iterator[Change]:
    """ISOs and images of this site that no configuration names, now or after a cold start, and that no change of the
    plan makes. The ISO of a machine that is changed, replaced or deleted goes with that change. While a machine of
    the site cannot be read nothing is a leftover: it may name anything."""
    vmids = {site.vmid(declared.machine) for declared in site.machines.values()}
    if any(list_unread(site.config.id, vmids, actual)):
        return
    needed = {volume for found in actual.machines.values() for volume in found.volumes()}
    needed |= {wanted.volume for wanted in (*desire_images(site), *desire_bundles(site))}
    needed |= {name_iso_volume(site, change) for change in changes}
    prefixes = {f"{kind}/homeprod-{site.config.id[:8]}-": name for kind, name in _KINDS.items()}
    unread = {listed.name for listed in actual.resources.machines if listed.vmid not in actual.machines}
    making = {vmid for vmid, found in actual.machines.items() if is_in_the_making(found)}
    unread |= {name for name, declared in site.machines.items() if site.vmid(declared.machine) in making}
    seen: set[tuple[str, str]] = set()
    for (node, _), volumes in sorted(actual.content.items()):
        for volume in volumes:
            file = volume.id.partition(":")[2]
            kind = next((name for prefix, name in prefixes.items() if file.startswith(prefix)), None)
            place = ("" if actual.is_shared(volume.id.partition(":")[0]) else node, volume.id)
            address = Address(kind, file.partition("/")[2]) if kind is not None else None
            if address is not None and volume.id not in needed and place not in seen and not _is_of(address, unread):
                seen.add(place)
                yield Change(Action.DELETE, address, node, why="nothing uses it", volume=volume.id)


def _is_of(address: Address, names: Collection[str]) -> bool:
    """Whether it was made for a machine of one of these names. What could not be read (its node is off, or its tag
    and its module are gone) may still name its ISO."""
    return address.kind == "iso" and read_machine_name(address.name) in names


def read_machine_name(iso: str) -> str | None:
    """Of the machine that an ISO was made for, by the file's name."""
    found = re.fullmatch(r"homeprod-[0-9a-f]{8}-(.+)-[0-9a-f]{12}\.iso", iso)
    return found[1] if found else None


_KINDS = {"iso": "iso", "import": "image"}


def name_iso_volume(site: Site, change: Change) -> str:
    """The volume of the ISO that a change makes or keeps; empty for one of something without an ISO."""
    declared = site.machines.get(change.address.name)
    if declared is None or change.address != declared.address or not isinstance(declared.machine, VirtualMachine):
        return ""
    return desire_iso(site, declared.name, declared.machine, change.instance).volume

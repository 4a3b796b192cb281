"""What a site needs of its cluster before anything of it can be made: nodes, storages with their content, bridges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.site.adopted import AdoptedDataVirtualMachine, AdoptedVirtualMachine
from homeprod.site.machine import DataVirtualMachine, VirtualMachine
from homeprod.site.site import DeclaredMachine, Site


@dataclass(frozen=True, slots=True)
class SiteNeeds:
    """``content`` maps (node, storage) to the content types used there, ``disks`` to the bytes of each machine's
    disks by VMID; ``machines`` are those that it makes, ``image_nodes`` those that fetch images; ``sets_startup``
    where a start-up order is set, ``holds_lease`` where applies are kept apart."""

    nodes: frozenset[str]
    content: Mapping[tuple[str, str], frozenset[str]]
    disks: Mapping[tuple[str, str], Mapping[int, int]]
    bridges: frozenset[tuple[str, str]]
    machines: Mapping[int, Address]
    image_nodes: frozenset[str]
    sets_startup: bool
    holds_lease: bool = True

    def storages(self, content: str) -> frozenset[str]:
        """The storages on which that content is used, on whatever node."""
        return frozenset(storage for (_, storage), kinds in self.content.items() if content in kinds)


def find_needs(site: Site) -> SiteNeeds:
    """What every machine of the site needs, together."""
    content: dict[tuple[str, str], set[str]] = {}
    disks: dict[tuple[str, str], dict[int, int]] = {}
    bridges: set[tuple[str, str]] = set()
    running: set[str] = set()
    for declared in site.machines.values():
        node, vmid = _node(site, declared), site.vmid(declared.machine)
        for storage, size in _disks(declared):
            content.setdefault((node, storage), set()).add("images")
            sizes = disks.setdefault((node, storage), {})
            sizes[vmid] = sizes.get(vmid, 0) + size
        if isinstance(machine := declared.machine, VirtualMachine):
            running.add(node)
            content.setdefault((node, machine.image.on.name), set()).add("import")
            content.setdefault((node, site.config.iso.name), set()).add("iso")
            bridges.add((node, site.config.addresses.network.bridge))
    return SiteNeeds(
        nodes=frozenset(_node(site, declared) for declared in site.machines.values()),
        content={place: frozenset(kinds) for place, kinds in sorted(content.items())},
        disks=disks,
        bridges=frozenset(bridges),
        machines={
            site.vmid(declared.machine): declared.address
            for declared in site.machines.values()
            if not isinstance(declared.machine, AdoptedVirtualMachine | AdoptedDataVirtualMachine)
        },
        image_nodes=frozenset(running),
        sets_startup=any(_has_phase(declared) for declared in site.machines.values()),
        holds_lease=site.config.lease_limit is not None,
    )


def _node(site: Site, declared: DeclaredMachine) -> str:
    return declared.machine.node or site.config.cluster.node


def _disks(declared: DeclaredMachine) -> Iterator[tuple[str, int]]:
    """Storage and bytes of each disk that the machine owns."""
    if isinstance(machine := declared.machine, VirtualMachine):
        yield machine.boot.on.name, machine.boot.size
    elif isinstance(machine, DataVirtualMachine):
        for disk in machine.disks:
            yield disk.on.name, disk.size


def _has_phase(declared: DeclaredMachine) -> bool:
    machine = declared.machine
    return isinstance(machine, VirtualMachine) and machine.start not in (None, "never")

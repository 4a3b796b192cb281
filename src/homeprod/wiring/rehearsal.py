"""A site as a lab is to stand in for it: its nodes, storages and network, its names, its images."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from homeprod.lab.spec import BridgeSpec, LabSpec, SeedSpec, StorageSpec, WanSpec
from homeprod.plan.image import image_volume
from homeprod.site.machine import DataVirtualMachine, VirtualMachine
from homeprod.site.site import Site

STAND_IN = "debian-13"
"""The recipe that stands in for every image: it is what the lab can build, and it says so wherever it is shown."""
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


def describe_lab(site: Site, name: str) -> LabSpec:
    """What the lab ``name`` has to be for this site."""
    gateway = site.entry.gateway if site.entry is not None else None
    return LabSpec(
        name,
        nodes=_list_nodes(site),
        storages=tuple(_list_storages(site)),
        bridges=(_describe_bridge(site),),
        seeds=tuple(_list_seeds(site)),
        hosts=_list_hosts(site),
        wan=WanSpec() if gateway is None else WanSpec(interface=gateway.wan),
        domain=site.config.addresses.network.domain,
        people={
            name: tuple(person.name for person in declared.machine.people)
            for name, declared in site.machines.items()
            if isinstance(declared.machine, VirtualMachine)
        },
    )


def _list_nodes(site: Site) -> tuple[str, ...]:
    nodes = [site.config.cluster.node]
    nodes += [declared.machine.node for declared in site.machines.values() if declared.machine.node]
    return tuple(dict.fromkeys(nodes))


def _machines(site: Site) -> Iterator[VirtualMachine]:
    return (d.machine for d in site.machines.values() if isinstance(d.machine, VirtualMachine))


def _list_seeds(site: Site) -> Iterator[SeedSpec]:
    images = {image_volume(site, machine.image): machine.image for machine in _machines(site)}
    for volume, image in sorted(images.items()):
        yield SeedSpec(volume, STAND_IN, image.url, image.checksum, image.algorithm)


def _list_storages(site: Site) -> Iterator[StorageSpec]:
    """Files need a directory; a storage that holds disks alone is a thin pool, as Proxmox's installer makes one."""
    content: dict[str, set[str]] = defaultdict(set)
    content[site.config.iso.name] |= {"images", "iso", "import"}
    for machine in _machines(site):
        content[machine.image.on.name] |= {"images", "import"}
        content[machine.boot.on.name].add("images")
    for declared in site.machines.values():
        if isinstance(declared.machine, DataVirtualMachine):
            for disk in declared.machine.disks:
                content[disk.on.name].add("images")
    for name, kinds in sorted(content.items()):
        yield StorageSpec(name, "lvmthin" if kinds == {"images"} else "dir", tuple(sorted(kinds)))


def _describe_bridge(site: Site) -> BridgeSpec:
    network = site.config.addresses.network
    gateways = [f"{network.address(network.gateway)}/{network.subnet.prefixlen}"]
    if network.subnet6 is not None:
        gateways.append(f"{network.address6(network.gateway)}/{network.subnet6.prefixlen}")
    resolvers = [address for number in network.resolvers for address in _addresses(site, number)]
    return BridgeSpec(network.bridge, tuple(gateways), tuple(resolvers))


def _addresses(site: Site, number: int) -> tuple[str, ...]:
    network = site.config.addresses.network
    address6 = network.address6(number)
    return (str(network.address(number)), *([str(address6)] if address6 is not None else []))


def _list_hosts(site: Site) -> dict[str, tuple[str, ...]]:
    """The site's own machines first; of the numbers that others hold, those with a name that DNS can hold."""
    hosts: dict[str, tuple[str, ...]] = {}
    for name, declared in site.machines.items():
        machine = declared.machine
        if isinstance(machine, VirtualMachine) and not machine.dhcp:
            hosts[name] = tuple(
                a for number in (machine.number, *machine.addresses) for a in _addresses(site, number)
            )
    for number, name in sorted(site.config.addresses.reserved.items()):
        if _HOST_NAME.fullmatch(name):
            hosts.setdefault(name, _addresses(site, number))
    return hosts

"""Sites made in memory for pictures: few machines or many, short names or the longest there are."""

from __future__ import annotations

from pathlib import Path

from homeprod.core.sizes import GiB
from homeprod.site.addresses import AddressPlan, Network
from homeprod.site.controlnode import ControlNode
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Entry, Proxy, Route
from homeprod.site.entry.service import Service
from homeprod.site.machine import DataDisk, DataVirtualMachine, Disk, Environment, Mount, SiteConfig, VirtualMachine
from homeprod.site.people import ControlUser, Person
from homeprod.site.place import Cluster, Datastore, Image
from homeprod.site.site import DeclaredMachine, Site

SSD = Datastore(name="local-nvme")
IMAGE = Image(release="debian-13", url="https://images.invalid/debian.qcow2", checksum="0" * 64, on=SSD)
OPS = Person(name="ops", keys=("ssh-ed25519 AAAA ops",))


def make_site(count: int, *, length: int = 0, proxies: int = 0, nodes: int = 0, has_ipv6: bool = False) -> Site:
    """``count`` machines besides those of the way in and the control nodes; names are filled up to ``length``."""
    environments = [
        Environment(name=f"e{number}", control_node=_fill(f"node{number}", length) if number < nodes else "")
        for number in range(max(nodes, 1))
    ]
    machines: dict[str, VirtualMachine | DataVirtualMachine] = {}
    for number, environment in enumerate(environments[:nodes]):
        disk = DataDisk(label="ssh_keys", size=GiB, on=SSD)
        machines[_fill(f"keys{number}", length)] = DataVirtualMachine(
            number=30 + number, environment=environment, disks=(disk,)
        )
        machines[environment.control_node] = _make_machine(30 + number, environment, disk)
    names = ["front", *(f"proxy{number}" for number in range(proxies))] if proxies else []
    for number, name in enumerate([*names, *(f"m{number}" for number in range(count))]):
        machines[_fill(name, length)] = _make_machine(50 + number, environments[number % len(environments)])
    entry = _make_entry(count, length, proxies) if proxies else None
    declared = {
        name: DeclaredMachine(name, machine, Path(f"{name}.py")) for name, machine in sorted(machines.items())
    }
    return Site(Path("/site"), _make_config(has_ipv6, length), declared, entry=entry)


def _fill(name: str, length: int) -> str:
    while len(name) < length:
        name += "-long"
    return name[: min(length or 63, 63)].rstrip("-")  # a machine's name is a label of DNS


def _make_machine(number: int, environment: Environment, disk: DataDisk | None = None) -> VirtualMachine:
    url = "ssh://git@git.example/{}.git"
    control = ControlNode(playbooks=url.format("playbooks" * 9), vault=url.format("vault"), administrators=(OPS,))
    return VirtualMachine(
        number=number,
        environment=environment,
        image=IMAGE,
        boot=Disk(8 * GiB, on=SSD),
        people=(ControlUser(name="ansible"),),
        mounts=(Mount(disk=disk, at="/var/lib/ansible"),) if disk is not None else (),
        control=control if disk is not None else None,
        kept_by=frozenset({"ansible", "harbormaster"}),
    )


def _make_config(has_ipv6: bool, length: int) -> SiteConfig:
    network = Network(
        bridge="vmbr0",
        subnet="10.99.0.0/16",
        gateway=1,
        resolvers=(2, 3),
        subnet6="2001:db8:1234:5678::/64" if has_ipv6 else None,
    )
    reserved = {1: 'the "router" <b>&amp; #1\0' + "w" * length, 2: "pihole-01"}
    return SiteConfig(
        id="11111111-2222-4333-8444-555555555555",
        name=_fill("home", length),
        cluster=Cluster(endpoint="https://proxmox.invalid:8006", node="pve"),
        addresses=AddressPlan(network=network, prefix=4001, reserved=reserved),
        iso=SSD,
    )


def _make_entry(count: int, length: int, proxies: int) -> Entry:
    zone = ".".join(["w" * 59] * (length // 60)) or "example"
    made = []
    for place in range(proxies):
        services = tuple(
            Service(
                name=f"s{number}",
                names=(f"n{number}.{zone}", f"*.n{number}.{zone}"),
                upstreams=(f"http://{_fill(f'm{number}', length)}:8080", "http://[2001:db8:1:2:3:4:5:6]:65535"),
                websockets=True,
                access="lan" if number % 2 else "public",
                http="pass",
            )
            for number in range(place, count, proxies)
        )
        certificates = (Certificate(names=tuple(f"c{number}.{zone}" for number in range(20)), by="dns-01"),)
        made.append(Proxy(machine=_fill(f"proxy{place}", length), certificates=certificates, services=services))
    routes = tuple(Route(f"*.r{number}.{zone}", to=proxy.machine) for number, proxy in enumerate(made[1:]))
    return Entry(
        uplink="fiber" + " gateway" * 4,
        passthrough=_fill("front", length),
        default=made[0].machine,
        proxies=tuple(made),
        routes=routes,
    )

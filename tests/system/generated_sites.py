"""Sites of every shape, as hypothesis draws them: machines and data VMs, of one network, on the lab's storages."""

from __future__ import annotations

import uuid
from pathlib import Path

from hypothesis import strategies as st
from tests.drivers.imageserver import ImageServer

from homeprod.core.sizes import GiB, MiB
from homeprod.site.addresses import AddressPlan, Network
from homeprod.site.machine import (
    DataDisk,
    DataVirtualMachine,
    Disk,
    Environment,
    Machine,
    Mount,
    SiteConfig,
    VirtualMachine,
)
from homeprod.site.people import Person
from homeprod.site.place import Cluster, Datastore, Image
from homeprod.site.site import DeclaredMachine, Site

SITE_ID = str(uuid.UUID(int=0x5EED << 96))
SSD, HDD = Datastore(name="local-nvme"), Datastore(name="local-hdd")
LAB = Environment(name="lab")
PEOPLE = [Person(name=name, keys=(f"ssh-ed25519 AAAAC3Nza{name} {name}",)) for name in ("ann", "bob")]
NUMBERS = list(range(21, 29))
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30).map(str.strip)


def _network(has_ipv6: bool, vlan: int | None) -> Network:
    return Network(
        bridge="vmbr0",
        subnet="192.0.2.0/24",
        subnet6="2001:db8::/64" if has_ipv6 else None,
        gateway=1,
        resolvers=(1,),
        domain="home.example",
        vlan=vlan,
    )


def make_images(server: ImageServer) -> list[Image]:
    return [Image(release=f"debian-{n}", url=server.url, checksum=server.sha256, on=HDD) for n in (1, 2)]


@st.composite
def _virtual_machines(draw: st.DrawFn, number: int, owned: list[DataDisk], images: list[Image]) -> VirtualMachine:
    disks = draw(st.lists(st.sampled_from(owned), unique_by=id, max_size=len(owned))) if owned else []
    for disk in disks:
        owned.remove(disk)
    return VirtualMachine(
        number=number,
        environment=LAB,
        image=draw(st.sampled_from(images)),
        boot=Disk(draw(st.integers(1, 8)) * GiB, on=draw(st.sampled_from([SSD, HDD])), backup=draw(st.booleans())),
        people=tuple(draw(st.lists(st.sampled_from(PEOPLE), unique_by=id))),
        cores=draw(st.integers(1, 4)),
        memory=draw(st.integers(1, 16)) * 256 * MiB,
        mounts=tuple(Mount(disk=disk, at=f"/srv/{disk.label}") for disk in disks),
        dhcp=draw(st.booleans()),
        packages=tuple(draw(st.lists(st.sampled_from(["nginx", "jq"]), unique=True))),
        start=draw(st.sampled_from([None, "network", "external", "never"])),
        started=draw(st.booleans()),
        tags=draw(st.frozensets(st.sampled_from(["a", "b", "c-d", "e_f"]))),
        note=draw(WORDS),
    )


@st.composite
def _machines(draw: st.DrawFn, images: list[Image]) -> dict[str, Machine]:
    numbers = draw(st.lists(st.sampled_from(NUMBERS), unique=True, max_size=5))
    machines: dict[str, Machine] = {}
    owned: list[DataDisk] = []
    for number in draw(st.lists(st.sampled_from(NUMBERS), unique=True, max_size=2)):
        sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
        disks = tuple(
            DataDisk(label=f"d{number}_{index}", size=size * GiB, on=HDD, backup=draw(st.booleans()))
            for index, size in enumerate(sizes)
        )
        owned += disks
        machines[f"{draw(st.sampled_from(['x', 'y']))}{number}-data"] = DataVirtualMachine(
            number=number, environment=LAB, disks=disks
        )
    for number in numbers:
        name = f"{draw(st.sampled_from(['m', 'n']))}{number}"  # two names, so that a machine is renamed at times
        machines[name] = draw(_virtual_machines(number, owned, images))
    return machines


@st.composite
def sites(draw: st.DrawFn, server: ImageServer) -> Site:
    """Every one has the same id, so that one can follow the other on a cluster."""
    network = _network(draw(st.booleans()), draw(st.sampled_from([None, 7])))
    config = SiteConfig(
        id=SITE_ID,
        name="drawn",
        cluster=Cluster(endpoint="https://cluster.invalid:8006", node="pve"),
        addresses=AddressPlan(network=network, prefix=4001),
        iso=HDD,
        cold_starts=draw(st.sampled_from(["never", "ask", "allowed"])),
    )
    machines = draw(_machines(make_images(server)))
    declared = {name: DeclaredMachine(name, machine, Path(f"{name}.py")) for name, machine in machines.items()}
    return Site(Path("/nowhere"), config, dict(sorted(declared.items())))

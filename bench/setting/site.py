"""The benchmarks' site: as many machines as asked for, a tenth of them data VMs with a disk that another one uses."""

from __future__ import annotations

from pathlib import Path

from homeprod.core.sizes import GiB
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

FIRST, FIRST_DATA = 100_000, 900_000
"""VMIDs of six digits, so that those of one machine can be told in its texts."""
STORE = Datastore(name="local")
IMAGE = Image(release="debian-13", url="https://images.invalid/debian.qcow2", checksum="0" * 64, on=STORE)
LAB = Environment(name="lab")
OPS = Person(name="ops", keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA ops",))


def make_site(size: int) -> Site:
    """``size`` machines in a subnet kept for benchmarks (RFC 2544)."""
    disks = {number: DataDisk(label="data", size=GiB, on=STORE) for number in range(size // 10)}
    machines: dict[str, Machine] = {f"d{FIRST_DATA + number}": _own(number, disk) for number, disk in disks.items()}
    for number in range(size - len(disks)):
        machines[f"m{FIRST + number}"] = _make_machine(number, disks.get(number))
    declared = {name: DeclaredMachine(name, machine, Path(f"{name}_vm.py")) for name, machine in machines.items()}
    return Site(Path(), _make_config(), dict(sorted(declared.items())))


def _make_config() -> SiteConfig:
    network = Network(bridge="vmbr0", subnet="198.18.0.0/15", gateway=1, resolvers=(1,), domain="bench.example")
    return SiteConfig(
        id="00000000-0000-0000-0000-00000000be9c",
        name="bench",
        cluster=Cluster(endpoint="https://bench.invalid:8006", node="pve"),
        addresses=AddressPlan(network=network, prefix=1),
        iso=STORE,
    )


def _own(number: int, disk: DataDisk) -> DataVirtualMachine:
    return DataVirtualMachine(number=10 + number, vmid=FIRST_DATA + number, environment=LAB, disks=(disk,))


def _make_machine(number: int, disk: DataDisk | None) -> VirtualMachine:
    return VirtualMachine(
        number=10 + number,
        vmid=FIRST + number,
        environment=LAB,
        image=IMAGE,
        boot=Disk(8 * GiB, on=STORE),
        people=(OPS,),
        tags=frozenset({"bench"}),
        note="a machine of the benchmark",
        mounts=(Mount(disk=disk, at="/srv"),) if disk is not None else (),
    )

"""examples/pegasus as Proxmox would show it after it was made as desired."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

from homeprod.core.address import Address
from homeprod.plan.actual import (
    Actual,
    ActualMachine,
    ListedMachine,
    ListedNode,
    ListedStorage,
    MachineConfig,
    Resources,
    Version,
    Volume,
)
from homeprod.plan.config import Drive, Value
from homeprod.plan.desired import DesiredMachine, desire
from homeprod.plan.diff import NewInstance, Wish, diff
from homeprod.plan.guest import desire_iso
from homeprod.plan.image import desire_images
from homeprod.plan.mark import Mark, render_note
from homeprod.plan.plan import Plan
from homeprod.site.loader import load_site
from homeprod.site.machine import ColdStarts, VirtualMachine
from homeprod.site.site import Site

SITE = load_site(Path(__file__).parents[3] / "examples" / "pegasus")
ID = SITE.config.id
DESIRED = desire(SITE)
NODE = "proxmox-1"
CODER, ANSIBLE = Address("vm", "lab-coder"), Address("vm", "lab-ansible")
KEYS = Address("data-vm", "lab-ansible-data")
INSTANCE = "1a2b3c"
CD = (("media", "cdrom"),)
STORAGES = (
    ListedStorage("local-nvme", NODE, "lvmthin", frozenset({"images"}), total=2**40),
    ListedStorage("local-hdd", NODE, "dir", frozenset({"images", "iso", "import"}), total=2**40),
)
RESOURCES = Resources((), STORAGES, (ListedNode(NODE, is_online=True),))


def make(machine: DesiredMachine, status: str = "running", **other: Value) -> ActualMachine:
    note = render_note(Mark(ID, machine.address, machine.vmid, INSTANCE, "abc1234", machine.forces), machine.words)
    config: dict[str, Value] = {**machine.config, "description": note}
    for slot, disk in machine.disks.items():
        config[slot] = Drive(f"{disk.storage}:vm-{machine.vmid}-{slot}", disk.size, disk.options)
    for attached in machine.attached:
        config[attached.slot] = Drive(f"local-hdd:vm-{attached.owner}-scsi0", 2**30, attached.options)
    declared = SITE.machines[machine.address.name].machine
    if isinstance(declared, VirtualMachine):
        config["ide2"] = Drive(desire_iso(SITE, machine.address.name, declared, INSTANCE).volume, None, CD)
    listed = ListedMachine(machine.vmid, NODE, machine.address.name, status if machine.is_started else "stopped")
    return ActualMachine(listed, MachineConfig({**config, **other}, digest=f"digest-{machine.vmid}"))


MACHINES = {machine.vmid: make(machine) for machine in DESIRED.values()}


def list_content() -> tuple[Volume, ...]:
    volumes = {volume for found in MACHINES.values() for volume in found.volumes() if ":iso/" in volume}
    volumes |= {image.volume for image in desire_images(SITE)}
    return tuple(Volume(volume, "iso", 1) for volume in sorted(volumes))


def actual(
    machines: Mapping[int, ActualMachine] | None = None,
    content: tuple[Volume, ...] | None = None,
    resources: Resources = RESOURCES,
) -> Actual:
    found = MACHINES if machines is None else machines
    volumes = list_content() if content is None else content
    return Actual(Version((9, 2), "9.2.3"), {}, resources, found, {(NODE, "local-hdd"): volumes})


def with_machine(found: ActualMachine) -> Actual:
    return actual({**MACHINES, found.listed.vmid: found})


def choose_instance(address: Address) -> str:
    """A nonce of the right form, the same each time."""
    return hashlib.sha256(str(address).encode()).hexdigest()[:12]


def plan(
    found: Actual, site: Site = SITE, *, starts: bool = False, new_instance: NewInstance = choose_instance
) -> Plan:
    return diff(site, found, new_instance, Wish(starts=starts))


def without(*names: str) -> Site:
    machines = {name: declared for name, declared in SITE.machines.items() if name not in names}
    return dataclasses.replace(SITE, machines=machines)


def redeclare(name: str, **changes: object) -> Site:
    """The site with other values in one of its machines."""
    declared = SITE.machines[name]
    values = {field: getattr(declared.machine, field) for field in type(declared.machine).model_fields}
    machine = type(declared.machine)(**{**values, **changes})
    return dataclasses.replace(SITE, machines={**SITE.machines, name: dataclasses.replace(declared, machine=machine)})


def with_policy(policy: ColdStarts) -> Site:
    return dataclasses.replace(SITE, config=SITE.config.model_copy(update={"cold_starts": policy}))

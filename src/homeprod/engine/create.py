"""Create one machine: image, ISO, the machine with its marks, its disks grown, started.

The mark and the tag ``homeprod-new`` are set by the very call that makes the machine, so that a crash anywhere loses
nothing: the next plan sees what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from homeprod.cloudinit.iso import build_iso, name_iso, render_files
from homeprod.cloudinit.network import Card
from homeprod.cloudinit.userdata import DataMount, Guest, User
from homeprod.core.errors import NotFoundError
from homeprod.engine.ports import Hypervisor
from homeprod.plan.config import Config, Drive, NewDrive, Nic, Value
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.mark import NEW_TAG, Mark, render_note
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Creation:
    """What one creation works with. ``instance`` is the nonce, ``commit`` the site's git commit."""

    site: Site
    hypervisor: Hypervisor
    machine: DesiredMachine
    instance: str
    commit: str = ""


def create_machine(creation: Creation, say: Say) -> None:
    """Make the machine and, where the site wants it running, start it. Raises ProxmoxError."""
    machine, hypervisor = creation.machine, creation.hypervisor
    config = _compose(creation, _upload_iso(creation, say), say)
    hypervisor.wait(hypervisor.create_machine(machine.node, machine.vmid, config), on_line=say)
    _grow_disks(creation, say)
    if machine.is_started:
        hypervisor.wait(hypervisor.start_machine(machine.node, machine.vmid), on_line=say)


def _compose(creation: Creation, iso: str | None, say: Say) -> Config:
    machine = creation.machine
    mark = Mark(creation.site.config.id, machine.address, creation.instance, creation.commit, machine.forces)
    tags = machine.config["tags"]
    if not isinstance(tags, frozenset):
        raise TypeError("tags are a frozenset")
    config: dict[str, Value] = {**machine.config, "description": render_note(mark, machine.words)}
    # A data VM is finished once it is created; any other machine carries the tag until its end was seen.
    config["tags"] = tags if machine.address.kind == "data-vm" else tags | {NEW_TAG}
    for slot, disk in machine.disks.items():
        if disk.import_from is not None:
            _fetch_image(creation, disk.import_from, say)
        config[slot] = disk
    for attached in machine.attached:
        volume = _find_volume(creation, attached.owner, attached.serial)
        options = (("backup", "1" if attached.backup else "0"), ("serial", attached.serial))
        config[attached.slot] = Drive(volume, None, options)
    if iso is not None:
        config["ide2"] = Drive(iso, None, (("media", "cdrom"),))
    return config


def _find_volume(creation: Creation, owner: int, serial: str) -> str:
    """The volume of the data VM's disk with that serial."""
    config = creation.hypervisor.read_machine(creation.machine.node, owner).config
    for value in config.values():
        if isinstance(value, Drive) and ("serial", serial) in value.options:
            return value.volume
    raise NotFoundError(
        f"the data VM {owner} has no disk with serial {serial}",
        where=str(creation.machine.address),
        hint="run homeprod plan: it shows what the data VM lacks",
    )


def _fetch_image(creation: Creation, volume: str, say: Say) -> None:
    hypervisor, node = creation.hypervisor, creation.machine.node
    storage, _, name = volume.partition(":import/")
    if any(found.id == volume for found in hypervisor.read_content(node, storage)):
        return
    image = _declared(creation).image
    task = hypervisor.fetch_image(
        node, storage, name, image.url, content="import", checksum=image.checksum, algorithm=image.algorithm
    )
    hypervisor.wait(task, on_line=say)


def _declared(creation: Creation) -> VirtualMachine:
    machine = creation.site.machines[creation.machine.address.name].machine
    if not isinstance(machine, VirtualMachine):
        raise TypeError(f"{creation.machine.address} has no image: it is a data VM")
    return machine


def _upload_iso(creation: Creation, say: Say) -> str | None:
    """The cloud-init ISO's volume id; None for a data VM, which is never booted."""
    if creation.machine.address.kind == "data-vm":
        return None
    guest, card = _describe_guest(creation)
    files = render_files(guest, card)
    name = name_iso(creation.site.config.id, guest, files)
    storage, node = creation.site.config.iso.name, creation.machine.node
    task = creation.hypervisor.upload(node, storage, name, build_iso(files), content="iso")
    creation.hypervisor.wait(task, on_line=say)
    return f"{storage}:iso/{name}"


def _describe_guest(creation: Creation) -> tuple[Guest, Card]:
    machine, network = _declared(creation), creation.site.config.addresses.network
    nic = creation.machine.config["net0"]
    if not isinstance(nic, Nic) or nic.mac is None:
        raise TypeError("net0 is a card with a MAC")
    numbers = () if machine.dhcp else (machine.number, *machine.addresses)
    addresses = [f"{network.address(number)}/{network.subnet.prefixlen}" for number in numbers]
    gateways = [str(network.address(network.gateway))]
    if network.subnet6 is not None:
        addresses += [f"{network.address6(number)}/{network.subnet6.prefixlen}" for number in numbers]
        gateways.append(str(network.address6(network.gateway)))
    resolvers = tuple(str(network.address(number)) for number in network.resolvers)
    guest = Guest(
        name=creation.machine.address.name,
        instance=f"{creation.machine.address.name}-{creation.instance}",
        domain=network.domain,
        users=tuple(User(person.name, person.keys, person.sudo) for person in machine.people),
        packages=machine.packages,
        mounts=tuple(DataMount(mount.disk.label, mount.at) for mount in machine.mounts),
    )
    return guest, Card(nic.mac, tuple(addresses), tuple(gateways), resolvers, network.domain)


def _grow_disks(creation: Creation, say: Say) -> None:
    """An imported disk has the image's size until it is grown."""
    machine, hypervisor = creation.machine, creation.hypervisor
    for slot, disk in machine.disks.items():
        if isinstance(disk, NewDrive) and disk.import_from is not None:
            task = hypervisor.grow_disk(machine.node, machine.vmid, slot, disk.size)
            if task is not None:
                hypervisor.wait(task, on_line=say)

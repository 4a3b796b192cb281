"""Desired: what the site asks of Proxmox, machine by machine, as the typed values that are also read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.core.ids import choose_mac
from homeprod.core.sizes import MiB
from homeprod.plan.bundle import SLOT as BUNDLE_SLOT
from homeprod.plan.bundle import bundle_drive
from homeprod.plan.config import Agent, BootOrder, Config, NewDrive, Nic, Options, Startup, Value
from homeprod.plan.image import image_name, image_volume
from homeprod.plan.mark import site_tag
from homeprod.site.adopted import Adopted, AdoptedDataVirtualMachine, AdoptedVirtualMachine
from homeprod.site.machine import DataDisk, DataVirtualMachine, Disk, VirtualMachine
from homeprod.site.site import DeclaredMachine, Site

START_PHASES = ("network", "infrastructure", "desktop", "internal", "external")


@dataclass(frozen=True, slots=True)
class AttachedDisk:
    """A data VM's disk in use by another machine, known by its owner and serial, since its volume has no name before
    it is made; or by its ``volume``, where that was there before the site. ``size`` in bytes. ``keeps_options``: how
    an adopted machine uses such a disk is left as it is."""

    slot: str
    owner: int
    serial: str
    backup: bool
    size: int
    volume: str = ""
    keeps_options: bool = False

    @property
    def options(self) -> Options:
        return () if self.keeps_options else (("backup", "1" if self.backup else "0"), ("serial", self.serial))


@dataclass(frozen=True, slots=True)
class DesiredMachine:
    """``config`` are the managed keys, marks and disks aside. ``disks`` are those it owns, by the slot they are made
    in. ``forces`` is what cannot be changed in place. ``words`` is the site's note, None where the machine keeps its
    own. ``is_adopted``: it was there before the site, so nothing of it can be made anew."""

    address: Address
    vmid: int
    node: str
    config: Config
    disks: Mapping[str, NewDrive]
    attached: tuple[AttachedDisk, ...]
    forces: Mapping[str, str]
    words: str | None
    is_started: bool
    is_adopted: bool = False


def desire(site: Site) -> dict[Address, DesiredMachine]:
    """Every machine of the site by its address."""
    return {declared.address: _desire_machine(site, declared) for declared in site.machines.values()}


def _desire_machine(site: Site, declared: DeclaredMachine) -> DesiredMachine:
    machine = declared.machine
    if isinstance(machine, AdoptedVirtualMachine | AdoptedDataVirtualMachine):
        return _desire_adopted(site, declared, machine)
    if isinstance(machine, DataVirtualMachine):
        return _desire_data_machine(site, declared, machine)
    if not isinstance(machine, VirtualMachine):
        raise TypeError(f"no such kind of machine: {type(machine).__name__}")
    vmid = site.vmid(machine)
    attached = tuple(_attach(site, machine))
    return DesiredMachine(
        address=declared.address,
        vmid=vmid,
        node=machine.node or site.config.cluster.node,
        config=_desire_config(site, declared.name, machine, vmid),
        disks={"scsi0": _boot_drive(site, machine)},
        attached=attached,
        forces=_find_forces(site, machine, attached),
        words=machine.note,
        is_started=machine.started,
    )


def _desire_config(site: Site, name: str, machine: VirtualMachine, vmid: int) -> Config:
    network = site.config.addresses.network
    options = (("tag", str(network.vlan)),) if network.vlan is not None else ()
    config: dict[str, Value] = {
        "name": name,
        "cores": machine.cores,
        "memory": machine.memory // MiB,
        "agent": Agent(True),
        "ostype": "l26",
        "scsihw": "virtio-scsi-pci",
        "serial0": "socket",  # cloud images may panic on a resize without one
        # Proxmox itself appends a CD that is not in the order whenever it is set, which would then wait as a change.
        "boot": BootOrder(("scsi0", "ide2")),
        "net0": Nic("virtio", choose_mac(site.config.id, vmid), network.bridge, options),
        "tags": machine.tags | {site_tag(site.config.id)},
        "onboot": machine.started and machine.start != "never",
        "protection": machine.protected,
    }
    if machine.start in START_PHASES:
        config["startup"] = Startup(order=START_PHASES.index(machine.start) + 1)
    if machine.control is not None:
        config[BUNDLE_SLOT] = bundle_drive(site)
        config["boot"] = BootOrder(("scsi0", "ide2", BUNDLE_SLOT))
    return config


def _boot_drive(site: Site, machine: VirtualMachine) -> NewDrive:
    image = machine.image
    return NewDrive(machine.boot.on.name, machine.boot.size, image_volume(site, image), _backup_option(machine.boot))


def _attach(site: Site, machine: VirtualMachine) -> Iterable[AttachedDisk]:
    for index, mount in enumerate(machine.mounts, start=1):
        yield _attach_disk(site, f"scsi{index}", mount.disk)


def _attach_disk(site: Site, slot: str, disk: DataDisk, *, keeps: bool = False) -> AttachedDisk:
    owner = site.owner(disk)
    if owner is None:
        raise ValueError(f"{disk.label} has no owner: the site was not checked")
    vmid, keeps = site.vmid(owner.machine), keeps and bool(disk.volume)
    return AttachedDisk(slot, vmid, disk.label, disk.backup, disk.size, disk.volume, keeps)


def _find_forces(site: Site, machine: VirtualMachine, attached: tuple[AttachedDisk, ...]) -> dict[str, str]:
    network = site.config.addresses.network
    numbers = () if machine.dhcp else (machine.number, *machine.addresses)
    addresses = [str(network.address(number)) for number in numbers]
    addresses += [str(address) for number in numbers if (address := network.address6(number)) is not None]
    disks = sorted(
        f"{disk.owner}/{disk.serial}@{mount.at}" for disk, mount in zip(attached, machine.mounts, strict=True)
    )
    return {
        "image": image_name(site, machine.image),
        "network": " ".join(addresses) or "dhcp",
        "disks": " ".join(disks) or "none",
    }


def _backup_option(disk: Disk) -> Options:
    return (("backup", "1" if disk.backup else "0"),)


def _desire_data_machine(site: Site, declared: DeclaredMachine, machine: DataVirtualMachine) -> DesiredMachine:
    disks = {f"scsi{index}": _desire_data_disk(disk) for index, disk in enumerate(machine.disks)}
    config: dict[str, Value] = {
        "name": declared.name,
        "tags": machine.tags | {site_tag(site.config.id)},
        "onboot": False,
        "protection": True,
    }
    vmid, node = site.vmid(machine), machine.node or site.config.cluster.node
    return DesiredMachine(declared.address, vmid, node, config, disks, (), {}, machine.note, is_started=False)


def _desire_data_disk(disk: DataDisk) -> NewDrive:
    if disk.volume:
        return NewDrive(disk.on.name, disk.size, volume=disk.volume)
    # backup=0: the disk is saved through the machine that uses it; here it would be read live.
    return NewDrive(disk.on.name, disk.size, None, (("backup", "0"), ("serial", disk.label)))


def _desire_adopted(site: Site, declared: DeclaredMachine, machine: Adopted) -> DesiredMachine:
    """Only what its module names, and the site's tag."""
    named = machine.model_fields_set
    config: dict[str, Value] = {"tags": machine.tags | {site_tag(site.config.id)}}
    if name := declared.name if machine.called is None else machine.called:
        config["name"] = name
    if "protected" in named:
        config["protection"] = machine.protected
    disks: dict[str, NewDrive] = {}
    attached: tuple[AttachedDisk, ...] = ()
    if isinstance(machine, AdoptedVirtualMachine):
        config |= _desire_strength(machine)
        disks = {slot: _desire_disk(disk) for slot, disk in machine.disks.items()}
        attached = tuple(_attach_disk(site, slot, disk, keeps=True) for slot, disk in machine.data_disks.items())
    else:
        disks = {f"scsi{index}": _desire_data_disk(disk) for index, disk in enumerate(machine.disks)}
    return DesiredMachine(
        address=declared.address,
        vmid=machine.vmid,
        node=machine.node or site.config.cluster.node,
        config=config,
        disks=disks,
        attached=attached,
        forces={},
        words=machine.note if "note" in named else None,
        is_started=isinstance(machine, AdoptedVirtualMachine) and machine.started,
        is_adopted=True,
    )


def _desire_strength(machine: AdoptedVirtualMachine) -> Config:
    config: dict[str, Value] = {}
    if machine.cores is not None:
        config["cores"] = machine.cores
    if machine.memory is not None:
        config["memory"] = machine.memory // MiB
    if machine.start is not None:
        config["onboot"] = machine.started and machine.start != "never"
    if machine.start in START_PHASES:
        config["startup"] = Startup(order=START_PHASES.index(machine.start) + 1)
    return config


def _desire_disk(disk: Disk) -> NewDrive:
    """Where the module does not say whether it is backed up, that is left as it is."""
    return NewDrive(
        disk.on.name, disk.size, options=_backup_option(disk) if "backup" in disk.model_fields_set else ()
    )

"""The draft of a machine that runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_interface

from homeprod.core.sizes import MiB
from homeprod.plan.actual import ActualMachine
from homeprod.plan.config import Config, Drive
from homeprod.plan.draft.text import Draft, Vocabulary, Writer
from homeprod.plan.drives import coming_config
from homeprod.plan.volume import read_owner
from homeprod.site.adopted import SLOT
from homeprod.site.checks import find_clash
from homeprod.site.machine import TAG
from homeprod.site.site import Site

_OWN = frozenset({"meta", "vmgenid", "smbios1", "digest", "parent", "lock", "runningmachine", "runningcpu"})
"""What Proxmox itself writes into a configuration: not worth a word."""


@dataclass(frozen=True, slots=True)
class DataDiskName:
    """How a data VM's disk is called from another module: what to import, and the expression."""

    line: str
    expression: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What is drafted: a machine as it was read, under the name that the site gives it."""

    site: Site
    vocabulary: Vocabulary
    found: ActualMachine
    name: str

    @property
    def config(self) -> Config:
        """With what waits for a cold start: that is what a plan compares with."""
        return coming_config(self.found.config)


def draft_machine(subject: Subject, data_disks: Mapping[str, DataDiskName]) -> Draft:
    """``data_disks`` by volume: the data VMs' disks that the site knows, or will."""
    found, config = subject.found, subject.config
    writer = Writer(subject.vocabulary, "AdoptedVirtualMachine")
    expressed = {"name"}
    writer.add("vmid", str(found.listed.vmid))
    _add_number(writer, subject)
    add_place(writer, subject)
    expressed |= _add_strength(writer, config)
    expressed |= _add_disks(writer, found.listed.vmid, config)
    expressed |= _add_data_disks(writer, config, data_disks)
    add_rest(writer, subject)
    if found.listed.status == "stopped":
        writer.add("started", "False")
    purpose = f"{subject.name}: VMID {found.listed.vmid} on {found.listed.node}, adopted as it was."
    return Draft(subject.name, writer.render(purpose, list_left(config, expressed)))


def _add_number(writer: Writer, subject: Subject) -> None:
    """Its address, where it is one of the site's network; Proxmox knows it only from its own cloud-init keys."""
    number = read_number(subject.site, subject.config)
    if number is not None:
        address = subject.site.config.addresses.network.address(number)
        writer.add("number", str(number), f"{address}, as its ipconfig0 says")


def read_number(site: Site, config: Config) -> int | None:
    """The host number of its ``ipconfig0`` (``ip=192.0.2.21/24,gw=…``). None for DHCP, for an address elsewhere, and
    for one that no machine of the site may have. One that is only reserved is given, so that the check names it."""
    text = dict(part.partition("=")[::2] for part in str(config.get("ipconfig0", "")).split(",")).get("ip", "")
    try:
        address = ip_interface(text).ip
    except ValueError:
        return None
    network = site.config.addresses.network
    if address not in network.subnet:
        return None
    number = int(address) - int(network.subnet.network_address)
    is_reserved = number in site.config.addresses.reserved and number != network.gateway
    return number if is_reserved or not find_clash(site, number, {}) else None


def add_place(writer: Writer, subject: Subject) -> None:
    writer.add_environment()
    listed = subject.found.listed
    if listed.node != subject.site.config.cluster.node:
        writer.add("node", f'"{listed.node}"')
    name = subject.config.get("name")
    if name is None:
        writer.add("called", '""', "it has no name in Proxmox")
    elif name != subject.name:
        writer.add("called", f'"{name}"', "its name in Proxmox; take this away to have it renamed")


def _add_strength(writer: Writer, config: Config) -> set[str]:
    expressed = set()
    cores, memory = config.get("cores"), config.get("memory")
    if isinstance(cores, int) and 1 <= cores <= 128:
        writer.add("cores", str(cores))
        expressed.add("cores")
    if isinstance(memory, int) and memory >= 16:
        writer.add("memory", writer.name_size(memory * MiB))
        expressed.add("memory")
    return expressed


def _add_disks(writer: Writer, vmid: int, config: Config) -> set[str]:
    """Its own; one whose size is not in whole MiB is left out."""
    disks = {}
    for slot, drive in list_disks(config):
        if read_owner(drive.volume) == vmid and drive.size and drive.size % MiB == 0:
            writer.names.add("Disk")
            backup = ", backup=False" if ("backup", "0") in drive.options else ""
            size, storage = writer.name_size(drive.size), writer.name_datastore(drive.storage)
            disks[slot] = f"Disk({size}, on={storage}{backup})"
    writer.add_mapping("disks", disks)
    return set(disks)


def _add_data_disks(writer: Writer, config: Config, known: Mapping[str, DataDiskName]) -> set[str]:
    disks = {slot: known[drive.volume] for slot, drive in list_disks(config) if drive.volume in known}
    writer.imports += sorted({disk.line for disk in disks.values()})
    writer.add_mapping("data_disks", {slot: disk.expression for slot, disk in disks.items()})
    return set(disks)


def add_rest(writer: Writer, subject: Subject) -> None:
    tags = subject.config.get("tags")
    tags = tags if isinstance(tags, frozenset) else frozenset()
    if fit := sorted(tag for tag in tags if TAG.fullmatch(tag) and not tag.startswith("homeprod")):
        quoted = ", ".join(f'"{tag}"' for tag in fit)
        writer.add("tags", f"{{{quoted}}}")
    if subject.config.get("protection") is True:
        writer.add("protected", "True")


def list_disks(config: Config) -> Iterator[tuple[str, Drive]]:
    """Slot and drive of everything that is no CD, by slot in counting order."""
    for slot, value in sorted(config.items(), key=lambda item: _count(item[0])):
        if isinstance(value, Drive) and SLOT.fullmatch(slot) and not value.is_cdrom:
            yield slot, value


def _count(slot: str) -> tuple[str, int]:
    found = re.fullmatch(r"([a-z]+)(\d+)", slot)
    return (found[1], int(found[2])) if found else (slot, 0)


def list_left(config: Config, expressed: set[str]) -> Sequence[str]:
    """By Proxmox's own keys, sorted; the note and its cloud-init drive by what they are."""
    return sorted(_name_key(key, config[key]) for key in config.keys() - expressed - _OWN - {"protection", "tags"})


def _name_key(key: str, value: object) -> str:
    if key == "description":
        return "note"
    return f"{key} (Proxmox's own cloud-init drive)" if _is_cloudinit(value) else key


def _is_cloudinit(value: object) -> bool:
    return isinstance(value, Drive) and re.search(r"[:/]vm-\d+-cloudinit", value.volume) is not None

"""The draft of a data VM that was there before the site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.core.sizes import MiB
from homeprod.plan.config import Drive
from homeprod.plan.draft.machine import DataDiskName, Subject, add_place, add_rest, list_disks, list_left
from homeprod.plan.draft.text import Draft, Writer, name_module
from homeprod.plan.volume import read_owner
from homeprod.site.machine import SERIAL


@dataclass(frozen=True, slots=True)
class OwnedDisk:
    """A disk that a data VM owns; ``label`` is its serial where that will do, else its slot."""

    slot: str
    label: str
    drive: Drive


def list_owned(subject: Subject) -> list[OwnedDisk]:
    """Those that a site can declare: in whole MiB."""
    disks = []
    labels: set[str] = set()
    for slot, drive in list_disks(subject.config):
        if read_owner(drive.volume) == subject.found.listed.vmid and drive.size and drive.size % MiB == 0:
            serial = dict(drive.options).get("serial", "")
            label = serial if SERIAL.fullmatch(serial) and serial not in labels else slot
            labels.add(label)
            disks.append(OwnedDisk(slot, label, drive))
    return disks


def draft_data_machine(subject: Subject) -> Draft:
    """Raises ValueError where it owns no disk that a site can declare."""
    found, owned = subject.found, list_owned(subject)
    if not owned:
        raise ValueError("no disk")
    writer = Writer(subject.vocabulary, "AdoptedDataVirtualMachine")
    writer.add("vmid", str(found.listed.vmid))
    add_place(writer, subject)
    writer.names.add("DataDisk")
    lines = [f"        {_declare(writer, disk)},\n" for disk in owned]
    writer.arguments.append(f"disks=(\n{''.join(lines)}    ),")
    add_rest(writer, subject)
    purpose = f"{subject.name}: VMID {found.listed.vmid}, a data VM, adopted as it was. It is never booted."
    return Draft(subject.name, writer.render(purpose, list_left(subject.config, {"name", *(d.slot for d in owned)})))


def _declare(writer: Writer, disk: OwnedDisk) -> str:
    size, storage = writer.name_size(disk.drive.size or 0), writer.name_datastore(disk.drive.storage)
    return f'DataDisk(label="{disk.label}", size={size}, on={storage}, volume="{disk.drive.volume}")'


def name_drafted(subject: Subject) -> Iterator[tuple[str, DataDiskName]]:
    """By volume, how other modules name the disks of a data VM's draft."""
    for place, disk in enumerate(list_owned(subject)):
        yield disk.drive.volume, name_data_disk(subject.name, place)


def name_data_disk(data_vm: str, place: int) -> DataDiskName:
    """How another module names a data VM's disk, by its place in ``disks``."""
    short = data_vm.replace("-", "_")
    return DataDiskName(f"from modules.{name_module(data_vm)} import vm as {short}", f"{short}.disks[{place}]")

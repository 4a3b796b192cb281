"""Adopted machines: those that were there before the site. What their modules do not name is left as it is.

They are kinds of their own, since all that follows from how homeprod makes a machine (its image, its cloud-init CD,
its card's address) is not so of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import Field, field_validator

from homeprod.core.sizes import MiB
from homeprod.site.addresses import MAX_VMID
from homeprod.site.machine import (
    DataDisk,
    DataVirtualMachine,
    Disk,
    Keeper,
    Machine,
    StartPhase,
    require_counterpart,
)
from homeprod.site.people import Person
from homeprod.site.strictness import Size

# qemu-server, PVE::QemuServer::Drive: 4 ide, 6 sata, 31 scsi and 16 virtio drives.
SLOT = re.compile(r"ide[0-3]|sata[0-5]|scsi([0-9]|[12][0-9]|30)|virtio([0-9]|1[0-5])")


def _check_slots(slots: Iterable[str]) -> None:
    for slot in slots:
        if not SLOT.fullmatch(slot):
            raise ValueError(f"{slot!r} is no slot of a disk, such as scsi0, virtio1, sata2 or ide0")


class AdoptedVirtualMachine(Machine):
    """A machine at ``vmid`` that somebody else made. ``number`` is its host number where its address is one of the
    site's network. ``called`` is its name in Proxmox where that is another than the site's, empty where any will do.
    ``disks`` are those that it owns, by slot; ``data_disks`` are data VMs' disks in use there. ``tags`` come on top
    of those that it has. ``people`` are for its control node, whose roles make them; the ControlUser among them, and
    the key it logs in with, come from whoever made the machine. ``counterpart`` is as a VirtualMachine's."""

    vmid: int = Field(ge=100, le=MAX_VMID)
    called: str | None = None
    people: tuple[Person, ...] = ()
    cores: int | None = Field(default=None, ge=1, le=128)
    memory: Size | None = Field(default=None, ge=16 * MiB, multiple_of=MiB)
    disks: Mapping[str, Disk] = Field(default_factory=dict)
    data_disks: Mapping[str, DataDisk] = Field(default_factory=dict)
    start: StartPhase | None = None
    started: bool = True
    kept_by: frozenset[Keeper] = frozenset({"ansible"})
    counterpart: Machine | str | None = None

    @field_validator("counterpart", mode="before")
    @classmethod
    def _check_counterpart(cls, value: object) -> object:
        return require_counterpart(value)

    @field_validator("disks")
    @classmethod
    def _check_disks(cls, disks: Mapping[str, Disk]) -> Mapping[str, Disk]:
        _check_slots(disks)
        return disks

    @field_validator("data_disks")
    @classmethod
    def _check_data_disks(cls, disks: Mapping[str, DataDisk]) -> Mapping[str, DataDisk]:
        _check_slots(disks)
        return disks


class AdoptedDataVirtualMachine(DataVirtualMachine):
    """A data VM that was there before the site: each of its disks is known by its ``volume``."""

    vmid: int = Field(ge=100, le=MAX_VMID)
    called: str | None = None
    protected: bool = False

    @field_validator("disks")
    @classmethod
    def _check_volumes(cls, disks: tuple[DataDisk, ...]) -> tuple[DataDisk, ...]:
        for disk in disks:
            if isinstance(disk, DataDisk) and not disk.volume:
                raise ValueError(f"the disk {disk.label} of an adopted data VM needs volume=")
        return disks


Adopted = AdoptedVirtualMachine | AdoptedDataVirtualMachine

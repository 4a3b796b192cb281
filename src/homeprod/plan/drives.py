"""Drives: what differs between the disks that a machine should have and those it has.

A disk is known by its serial or its volume, never by its place in a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from homeprod.core.sizes import format_size
from homeprod.plan.actual import ActualMachine, MachineConfig
from homeprod.plan.attributes import find_effect, slowest
from homeprod.plan.change import Difference
from homeprod.plan.config import Config, Drive, NewDrive, Options, Value
from homeprod.plan.desired import AttachedDisk, DesiredMachine
from homeprod.plan.plan import Notice
from homeprod.plan.volume import read_owner

SCSI_SLOTS = tuple(f"scsi{number}" for number in range(31))


def coming_value(actual: MachineConfig, key: str) -> Value | None:
    """What the key will be once everything that waits has come: a change that waits is not planned again."""
    return actual.pending[key] if key in actual.pending else actual.config.get(key)


def find_by_serial(config: Config, serial: str, volume: str = "") -> tuple[str, Drive] | None:
    """Slot and drive of the disk with that serial; of ``volume``, where the site knows it by that."""
    if volume:
        return find_by_volume(config, volume)
    return _first(
        (slot, value)
        for slot, value in config.items()
        if isinstance(value, Drive) and ("serial", serial) in value.options
    )


def _first(found: Iterable[tuple[str, Drive]]) -> tuple[str, Drive] | None:
    """Of the lowest slot."""
    return min(found, key=lambda place: place[0], default=None)


def compare_disks(machine: DesiredMachine, found: ActualMachine) -> Iterator[Difference]:
    """The disks that the machine itself owns: missing, to be grown, or with another backup setting. A disk that is
    larger than declared stays as it is, since Proxmox never shrinks one."""
    taken = set(coming_config(found.config))
    for slot, new in sorted(machine.disks.items()):
        place, old = _find_own(found, slot, new, taken)
        taken.add(place)
        if old is None:
            if not machine.is_adopted:  # what was on it cannot be made: a conflict
                yield Difference(place, None, new, find_effect(machine.address.kind, "disk", found))
            continue
        if is_handed_over(machine, old):
            continue
        is_in_force = place in found.config.config  # one that waits is grown when it has come
        if is_in_force and old.size is not None and old.size < new.size:
            effect = find_effect(machine.address.kind, "disk size", found)
            yield Difference(f"{place} size", old.size, new.size, effect)
        yield from _compare_options(machine, found, place, old, new.options)


def list_missing(machine: DesiredMachine, found: ActualMachine) -> Iterator[tuple[str, NewDrive]]:
    """Slot and declaration of each disk of its own that it does not have."""
    for slot, new in sorted(machine.disks.items()):
        place, old = _find_own(found, slot, new, set())
        if old is None:
            yield place, new


def notice_disks(machine: DesiredMachine, found: ActualMachine) -> Iterator[Notice]:
    """What the site says of a disk and nobody can do: make it smaller, or move it."""
    for disk in machine.attached:
        # Where somebody grew it through the machine that uses it, its owner does not know.
        if here := find_by_serial(coming_config(found.config), disk.serial, disk.volume):
            yield from _notice_larger(machine, here[0], here[1].size, disk.size)
    for slot, new in sorted(machine.disks.items()):
        place, old = _find_own(found, slot, new, set())
        if old is None:
            continue
        if is_handed_over(machine, old):
            words = f"{place} belongs to the data VM {read_owner(old.volume)}"
            yield Notice(machine.address, f"{words}: its module should say so in data_disks=")
            continue
        yield from _notice_larger(machine, place, old.size, new.size)
        if old.storage != new.storage:
            words = f"{place} is on {old.storage}, the site says {new.storage}"
            yield Notice(machine.address, f"{words}: it stays there; move it in Proxmox (Disk Action, Move Storage)")


def is_handed_over(machine: DesiredMachine, drive: Drive) -> bool:
    """Whether a disk that an adopted machine's module takes for its own is another's, as after `adopt --disk`."""
    return machine.is_adopted and machine.address.kind == "vm" and read_owner(drive.volume) != machine.vmid


def _notice_larger(machine: DesiredMachine, place: str, have: int | None, wanted: int) -> Iterator[Notice]:
    if have is not None and have > wanted:
        words = f"{place} has {format_size(have)}, the site says {format_size(wanted)}"
        yield Notice(machine.address, f"{words}: a disk never shrinks, and it stays so")


def _find_own(found: ActualMachine, slot: str, new: NewDrive, taken: set[str]) -> tuple[str, Drive | None]:
    """Where the disk is, or where it can be put."""
    serial = dict(new.options).get("serial")
    if serial is not None or new.volume:
        here = find_by_serial(coming_config(found.config), serial or "", new.volume)
        return here or (_choose_slot(slot, taken), None)
    value = coming_value(found.config, slot)
    return slot, value if isinstance(value, Drive) else None


def _choose_slot(wanted: str, taken: set[str]) -> str:
    return wanted if wanted not in taken else next(slot for slot in SCSI_SLOTS if slot not in taken)


def coming_config(actual: MachineConfig) -> Config:
    merged = {**actual.config, **actual.pending}
    return {key: value for key, value in merged.items() if value is not None}


def compare_attached(
    machine: DesiredMachine, found: ActualMachine, machines: Mapping[int, ActualMachine]
) -> Iterator[Difference]:
    """The data VMs' disks in use here: not attached, another volume than the owner has, another backup setting or no
    serial, too small. A volume that is attached already is never attached a second time."""
    config = coming_config(found.config) if machine.attached else {}
    taken = set(config)
    for disk in machine.attached:
        owner = machines.get(disk.owner)
        owned = find_by_serial(coming_config(owner.config), disk.serial, disk.volume) if owner is not None else None
        here = find_by_serial(config, disk.serial, disk.volume)
        here = here or (find_by_volume(config, owned[1].volume) if owned else None)
        slot = here[0] if here is not None else _choose_slot(disk.slot, taken)
        taken.add(slot)
        effect = find_effect("vm", "data disk", found)
        if owned is None:
            # Its owner is yet to be made, so the volume has no name.
            yield Difference(slot, here and here[1], f"disk {disk.serial} of {disk.owner}", effect)
        elif here is None or here[1].volume != owned[1].volume:
            yield Difference(slot, here and here[1], Drive(owned[1].volume, None, disk.options), effect)
        else:
            growth = _compare_growth(found, slot, here[1], owned[1], disk)
            yield from (difference for difference in growth if not difference.waits)
            yield from _compare_options(machine, found, slot, here[1], disk.options, is_attached=True)


def find_unseen_growth(
    machine: DesiredMachine, found: ActualMachine, machines: Mapping[int, ActualMachine]
) -> Iterator[Difference]:
    """Data disks that grew behind a running machine's back: no write makes it see them, only a cold start."""
    for disk in machine.attached:
        here, owner = find_by_serial(found.config.config, disk.serial, disk.volume), machines.get(disk.owner)
        owned = find_by_serial(coming_config(owner.config), disk.serial, disk.volume) if owner is not None else None
        if here is not None and owned is not None and here[1].volume == owned[1].volume:
            growth = _compare_growth(found, here[0], here[1], owned[1], disk)
            yield from (difference for difference in growth if difference.waits)


def find_by_volume(config: Config, volume: str) -> tuple[str, Drive] | None:
    """Slot and drive of that volume."""
    return _first(
        (slot, value) for slot, value in config.items() if isinstance(value, Drive) and value.volume == volume
    )


def _compare_growth(
    found: ActualMachine, slot: str, here: Drive, owned: Drive, disk: AttachedDisk
) -> Iterator[Difference]:
    """A running machine sees its disk grow where the growing is done through it. What grew before, through its owner,
    it sees after a cold start: Proxmox changes nothing of a volume that has that size already."""
    if here.size is not None and here.size < disk.size:
        is_grown = owned.size is not None and owned.size >= disk.size
        name = "data disk grown before" if is_grown else "data disk size"
        yield Difference(f"{slot} size", here.size, disk.size, find_effect("vm", name, found))


def _compare_options(
    machine: DesiredMachine,
    found: ActualMachine,
    slot: str,
    old: Drive,
    wanted: Options,
    *,
    is_attached: bool = False,
) -> Iterator[Difference]:
    """Only options that the site names; ``backup`` is on where Proxmox shows none."""
    have = {"backup": "1", **dict(old.options)}
    changed = [name for name, value in wanted if have.get(name) != value]
    if changed:
        prefix = "data disk" if is_attached else "disk"
        in_force = found.config.config.get(slot)
        now = {"backup": "1", **dict(in_force.options)} if isinstance(in_force, Drive) else {}
        # What waits is no help: the value is written as one, and compared with the one in force.
        names = [f"{prefix} {name}" for name, value in wanted if now.get(name) != value] if now else [prefix]
        effect = slowest([find_effect(machine.address.kind, name, found) for name in names])
        merged = tuple(sorted({**dict(old.options), **dict(wanted)}.items()))
        yield Difference(slot, old, replace(old, options=merged), effect)

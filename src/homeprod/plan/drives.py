"""Drives: what differs between the disks that a machine should have and those it has.

A disk is known by its serial or its volume, never by its place in a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from homeprod.core.sizes import format_size
from homeprod.plan.actual import ActualMachine, MachineConfig
from homeprod.plan.change import Difference, Effect
from homeprod.plan.config import Config, Drive, NewDrive, Options, Value
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.plan import Notice

SCSI_SLOTS = tuple(f"scsi{number}" for number in range(31))


def coming_value(actual: MachineConfig, key: str) -> Value | None:
    """What the key will be once everything that waits has come: a change that waits is not planned again."""
    return actual.pending[key] if key in actual.pending else actual.config.get(key)


def find_by_serial(config: Config, serial: str) -> tuple[str, Drive] | None:
    """Slot and drive of the disk with that serial."""
    for slot, value in sorted(config.items()):
        if isinstance(value, Drive) and ("serial", serial) in value.options:
            return slot, value
    return None


def compare_disks(machine: DesiredMachine, found: ActualMachine) -> Iterator[Difference]:
    """The disks that the machine itself owns: missing, to be grown, or with another backup setting. A disk that is
    larger than declared stays as it is, since Proxmox never shrinks one."""
    taken = set(coming_config(found.config))
    for slot, new in sorted(machine.disks.items()):
        place, old = _find_own(found, slot, new, taken)
        taken.add(place)
        if old is None:
            yield Difference(place, None, new, Effect.LIVE)
            continue
        if old.size is not None and old.size < new.size:
            # A running machine that uses a data VM's disk does not see it grow.
            effect = Effect.COLD_START if machine.address.kind == "data-vm" else Effect.LIVE
            yield Difference(f"{place} size", old.size, new.size, effect)
        yield from _compare_options(place, old, new.options)


def notice_disks(machine: DesiredMachine, found: ActualMachine) -> Iterator[Notice]:
    """What the site says of a disk and nobody can do: make it smaller, or move it."""
    for slot, new in sorted(machine.disks.items()):
        place, old = _find_own(found, slot, new, set())
        if old is None:
            continue
        if old.size is not None and old.size > new.size:
            words = f"{place} has {format_size(old.size)}, the site says {format_size(new.size)}"
            yield Notice(machine.address, f"{words}: a disk never shrinks, and it stays so")
        if old.storage != new.storage:
            words = f"{place} is on {old.storage}, the site says {new.storage}"
            yield Notice(machine.address, f"{words}: it stays there; move it in Proxmox (Disk Action, Move Storage)")


def _find_own(found: ActualMachine, slot: str, new: NewDrive, taken: set[str]) -> tuple[str, Drive | None]:
    """Where the disk is, or where it can be put."""
    serial = dict(new.options).get("serial")
    if serial is not None:
        here = find_by_serial(coming_config(found.config), serial)
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
    """The data VMs' disks in use here: not attached, another volume than the owner has, another backup setting."""
    config = coming_config(found.config)
    taken = set(config)
    for disk in machine.attached:
        here = find_by_serial(config, disk.serial)
        owner = machines.get(disk.owner)
        owned = find_by_serial(coming_config(owner.config), disk.serial) if owner is not None else None
        slot = here[0] if here is not None else _choose_slot(disk.slot, taken)
        taken.add(slot)
        if owned is None:
            # Its owner is yet to be made, so the volume has no name.
            yield Difference(slot, here and here[1], f"disk {disk.serial} of {disk.owner}", Effect.LIVE)
        elif here is None or here[1].volume != owned[1].volume:
            yield Difference(slot, here and here[1], Drive(owned[1].volume, None, disk.options), Effect.LIVE)
        else:
            yield from _compare_options(slot, here[1], disk.options)


def _compare_options(slot: str, old: Drive, wanted: Options) -> Iterator[Difference]:
    """Only options that the site names; ``backup`` is on where Proxmox shows none."""
    have = {"backup": "1", **dict(old.options)}
    if any(have.get(name) != value for name, value in wanted):
        merged = tuple(sorted({**dict(old.options), **dict(wanted)}.items()))
        yield Difference(slot, old, replace(old, options=merged), Effect.LIVE)

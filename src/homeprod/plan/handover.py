"""Handover: how a machine's own disk becomes a data VM's, step by step, from what is there now.

The label is written as the disk's serial before it moves, and goes with it: so whatever cuts this off, the next run
sees by the serial how far it came. Pure: what is read and done stands in ``engine/handover``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError, NotFoundError, UsageError
from homeprod.plan.actual import ActualMachine
from homeprod.plan.config import BootOrder, Config, Drive
from homeprod.plan.draft.machine import list_disks
from homeprod.plan.drives import SCSI_SLOTS, coming_config, find_by_serial
from homeprod.plan.volume import read_owner
from homeprod.site.machine import SERIAL


class Step(Enum):
    """What is left to be done, in this order."""

    MAKE = "make the data VM"
    LABEL = "write the label as the disk's serial"
    GIVE = "give the disk to the data VM: its volume is renamed, its bytes stay"
    UNBACK = "leave it out of the data VM's backup: it is saved with the machine that uses it"
    ATTACH = "attach it to the machine again, in its old slot"


@dataclass(frozen=True, slots=True)
class Keeper:
    """The data VM: ``found`` is None before it is made. ``address`` is its name in the site."""

    address: Address
    vmid: int
    found: ActualMachine | None

    @property
    def config(self) -> Config:
        return coming_config(self.found.config) if self.found is not None else {}


@dataclass(frozen=True, slots=True)
class Handover:
    """``drive`` is the disk as it is now, with the machine or with the data VM; ``as_slot`` is its slot there."""

    user: ActualMachine
    slot: str
    keeper: Keeper
    as_slot: str
    label: str
    drive: Drive
    steps: tuple[Step, ...]


def plan_handover(user: ActualMachine, slot: str, keeper: Keeper, label: str) -> Handover:
    """The steps that are left; none where all is done. Raises HomeprodError where it cannot be."""
    here = coming_config(user.config).get(slot)
    own = here if isinstance(here, Drive) and read_owner(here.volume) == user.listed.vmid else None
    given, label = label, label or (dict(here.options).get("serial", "") if isinstance(here, Drive) else "")
    if not SERIAL.fullmatch(label):
        hint = (
            "name it, as the file system on it is labelled:\n\n  --label LABEL\n\na letter, then letters, digits, _"
        )
        what = f"{label!r} is no label" if given else f"the disk {slot} has no serial that would do as its label"
        raise UsageError(what, hint=f"{hint}; 16 at most")
    there = find_by_serial(keeper.config, label)
    if there is not None:
        return _go_on(user, slot, keeper, label, there, own)
    if own is None:
        raise _explain_lack(user, slot, keeper)
    _check_fitness(user, slot, own)
    steps = [Step.MAKE] if keeper.found is None else []
    if ("serial", label) not in own.options:
        steps.append(Step.LABEL)
    steps += [Step.GIVE, Step.ATTACH] if ("backup", "0") in own.options else [Step.GIVE, Step.UNBACK, Step.ATTACH]
    as_slot = next(free for free in SCSI_SLOTS if free not in keeper.config)
    return Handover(user, slot, keeper, as_slot, label, own, tuple(steps))


def _go_on(
    user: ActualMachine, slot: str, keeper: Keeper, label: str, there: tuple[str, Drive], own: Drive | None
) -> Handover:
    """The data VM has the disk: what is left is to use it."""
    where = str(keeper.address)
    if own is not None:
        hint = "choose another label; or look at both disks, if an earlier run was to move this one"
        raise HomeprodError(f"has a disk labelled {label} already, {there[1].volume}", where=where, hint=hint)
    config = coming_config(user.config)
    attached = next((key for key, drive in list_disks(config) if drive.volume == there[1].volume), None)
    if attached is None and slot in config:
        hint = f"the disk lies safe with {keeper.address.name}, as {there[0]}; choose the slot that it is to have"
        raise HomeprodError(f"has something else in {slot} now", where=f"VMID {user.listed.vmid}", hint=hint)
    steps = [Step.UNBACK] if ("backup", "0") not in there[1].options else []
    steps += [Step.ATTACH] if attached is None else []
    return Handover(user, attached or slot, keeper, there[0], label, there[1], tuple(steps))


def _explain_lack(user: ActualMachine, slot: str, keeper: Keeper) -> HomeprodError:
    own = [
        key for key, drive in list_disks(coming_config(user.config)) if read_owner(drive.volume) == user.listed.vmid
    ]
    known = f"its own disks: {', '.join(own) or 'none'}"
    detached = ", ".join(sorted(user.unused().values()))
    if detached:
        known += f"; detached: {detached} (attach it again first, in Proxmox)"
    if keeper.found is not None:
        known += (
            f"\n\nif an earlier run was cut off inside Proxmox itself, look for a volume that nothing names; on the"
            f" node:\n\n  qm disk rescan --vmid {keeper.vmid}\n  qm config {keeper.vmid}"
        )
    return NotFoundError(f"owns no disk in {slot}", where=f"VMID {user.listed.vmid}", hint=known)


def _check_fitness(user: ActualMachine, slot: str, drive: Drive) -> None:
    where = f"VMID {user.listed.vmid}"
    config = coming_config(user.config)
    boot = config.get("boot")
    first = next(iter(list_disks(config)), ("", None))[0]
    if slot in (boot.devices if isinstance(boot, BootOrder) and boot.devices else (first,)):
        hint = "a data VM keeps what outlives a machine, and its system does not; choose another disk"
        raise HomeprodError(f"boots from {slot}", where=where, hint=hint)
    if "parent" in config:
        hint = "Proxmox moves no disk that a snapshot holds: remove its snapshots first"
        raise HomeprodError(f"has snapshots (the last is {config['parent']})", where=where, hint=hint)
    if user.is_protected:
        hint = "take the protection away first: `protected=False` in its module, and apply"
        raise HomeprodError("is protected: none of its disks can be taken away", where=where, hint=hint)
    if user.listed.status != "stopped":
        hint = "a disk moves while nobody uses it; shut the machine down, from inside or on its node, then repeat"
        hint += f":\n\n  qm shutdown {user.listed.vmid}"
        raise HomeprodError(f"is running, with {drive.volume} in use", where=where, hint=hint)

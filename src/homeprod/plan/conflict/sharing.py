"""Sharing: no two running machines have one disk. Proxmox itself would start both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homeprod.core.address import Address
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Drive
from homeprod.plan.conflict.attachment import list_holders
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.plan import Conflict

_REMOVES = (Action.DELETE, Action.REPLACE)


def find_shared_disks(
    actual: Actual, changes: Sequence[Change], desired: Mapping[Address, DesiredMachine]
) -> Iterator[Conflict]:
    """Where a machine would be started, or started cold, with a disk that a running machine has, or one that this
    plan starts. Data disks that the site attaches are looked after as attachments, running or not."""
    removed = {change.vmid for change in changes if change.action in _REMOVES}
    starting = {
        change.vmid: change
        for change in changes
        if change.action not in _REMOVES and _will_run(change, actual, desired)
    }
    if not starting:
        return
    holders = list_holders(actual)
    for vmid, change in sorted(starting.items()):
        machine, found = desired[change.address], actual.machines[vmid]
        for slot, volume in list_disks(found):
            if any(("serial", disk.serial) in _options(found, slot) for disk in machine.attached):
                continue
            for other in holders.get(volume, ()):
                runs = other.listed.status == "running" or other.listed.vmid in starting
                if runs and other.listed.vmid not in {vmid, *removed} and volume in dict(list_disks(other)).values():
                    name = str(other.mark.address) if other.mark is not None else repr(other.listed.name)
                    yield Conflict(
                        change.address,
                        f"its disk {slot} ({volume}) is also a disk of {name} (VMID {other.listed.vmid}), which runs"
                        " or is to be started",
                        "two running machines destroy what is on a disk that they share: shut one of them down, and"
                        " detach it there in Proxmox",
                    )


def _will_run(change: Change, actual: Actual, desired: Mapping[Address, DesiredMachine]) -> bool:
    """An update alone starts nothing, and may be taken into force by a cold start."""
    machine, found = desired.get(change.address), actual.machines.get(change.vmid)
    if machine is None or found is None or not machine.is_started:
        return False
    return change.action is not Action.UPDATE or found.listed.status == "running"


def list_disks(found: ActualMachine) -> Iterator[tuple[str, str]]:
    """Slot and volume of each disk that it has or will have after a cold start; no CD, which many may have."""
    for slot, value in sorted({**found.config.config, **found.config.pending}.items()):
        if isinstance(value, Drive) and not value.is_cdrom:
            yield slot, value.volume


def _options(found: ActualMachine, slot: str) -> tuple[tuple[str, str], ...]:
    value = {**found.config.config, **found.config.pending}.get(slot)
    return value.options if isinstance(value, Drive) else ()

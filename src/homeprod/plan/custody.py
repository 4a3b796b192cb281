"""Custody: what a plan would do to something that a person may want to keep. Each is a conflict: nothing is applied
before somebody has decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homeprod.core.address import Address
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.plan import Conflict

_REMOVES = (Action.REPLACE, Action.DELETE)


def find_dangers(
    actual: Actual, changes: Sequence[Change], desired: Mapping[Address, DesiredMachine]
) -> Iterator[Conflict]:
    """What these changes may not do."""
    for change in changes:
        found = actual.machines.get(change.vmid)
        if found is None:
            continue
        if found.listed.is_template:
            hint = (
                "make a machine of it again in Proxmox, or destroy it:\n\n  homeprod destroy " + change.address.name
            )
            yield Conflict(change.address, "was made a template in Proxmox, which cannot be changed or started", hint)
        elif change.action in _REMOVES:
            yield from _refuse_protected(change, found, desired.get(change.address))
            yield from _refuse_locked(change, found)


def _refuse_protected(change: Change, found: ActualMachine, machine: DesiredMachine | None) -> Iterator[Conflict]:
    """Protected in Proxmox, or by the site, which Proxmox may not know yet."""
    is_declared = machine is not None and machine.config["protection"] is True
    if found.is_protected or is_declared:
        hint = "take `protected=True` out of its module and apply that first"
        if change.action is Action.DELETE:
            hint = "put its module back with `protected=False`, apply, then take the module out again"
        yield Conflict(change.address, f"is protected, and the plan would {change.action.value} it", hint)


def _refuse_locked(change: Change, found: ActualMachine) -> Iterator[Conflict]:
    """Proxmox would refuse too, but half-way: after the shutdown."""
    lock = found.config.config.get("lock") or found.listed.lock
    if lock:
        hint = f"wait until Proxmox has ended it; if nothing runs any more, on its node:\n\n  qm unlock {change.vmid}"
        yield Conflict(change.address, f"is locked ({lock}) in Proxmox", hint)

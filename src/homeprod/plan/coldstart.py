"""Cold starts: what waits on a running machine until it was shut down and started, and the step that does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homeprod.plan.actual import ActualMachine
from homeprod.plan.attributes import PENDING
from homeprod.plan.change import Action, Change, Difference
from homeprod.plan.config import Drive
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drives import find_unseen_growth
from homeprod.plan.plan import Notice
from homeprod.site.machine import ColdStarts


def plan_cold_start(
    policy: ColdStarts,
    machine: DesiredMachine,
    found: ActualMachine,
    differences: Sequence[Difference],
    machines: Mapping[int, ActualMachine],
) -> Change | None:
    """The step after the update of that machine, if the site wants one and it has something to bring into force.

    A value that the site does not manage is brought along, and is no reason for it. A machine that is not finished is
    finished first; one that is off, or is meant to be, needs none.
    """
    if policy == "never" or not _is_for(machine, found):
        return None
    old = tuple(_list_waiting(machine, found, differences, machines))
    new = [difference.attribute for difference in differences if difference.waits]
    if not new and not old:
        return None
    others = [key for key in found.config.pending if not _is_managed(machine, found, key)]
    waits = tuple(sorted({*new, *others, *(difference.attribute for difference in old)}))
    why = f"{', '.join(waits)} {'wait' if len(waits) > 1 else 'waits'} for it"
    node, instance = found.listed.node, found.mark.instance if found.mark is not None else ""
    return Change(Action.COLD_START, machine.address, node, machine.vmid, old, why, instance=instance, waits=waits)


def _is_for(machine: DesiredMachine, found: ActualMachine) -> bool:
    is_meant_to_run = machine.address.kind == "vm" and machine.is_started
    return is_meant_to_run and found.is_running and not found.is_new and not found.listed.is_template


def _list_waiting(
    machine: DesiredMachine,
    found: ActualMachine,
    differences: Sequence[Difference],
    machines: Mapping[int, ActualMachine],
) -> Iterator[Difference]:
    """What an earlier apply, or a person, has written and is not in force; what is written now stands in the
    update."""
    written = {difference.attribute for difference in differences}
    for key, value in sorted(found.config.pending.items()):
        if key not in written and _is_managed(machine, found, key):
            yield Difference(key, found.config.config.get(key), value, PENDING)
    yield from find_unseen_growth(machine, found, machines)


def _is_managed(machine: DesiredMachine, found: ActualMachine, key: str) -> bool:
    serials = {("serial", disk.serial) for disk in machine.attached if not disk.keeps_options}
    drives = (found.config.config.get(key), found.config.pending.get(key))
    is_attached = any(isinstance(drive, Drive) and serials & set(drive.options) for drive in drives)
    return is_attached or (key == "ide2" and not machine.is_adopted) or key in machine.config or key in machine.disks


def notice_waiting(
    machine: DesiredMachine, found: ActualMachine, machines: Mapping[int, ActualMachine], step: Change | None
) -> Iterator[Notice]:
    """What waits and no step of this plan brings into force."""
    waiting = set(found.config.pending)
    if found.is_running:
        waiting |= {difference.attribute for difference in find_unseen_growth(machine, found, machines)}
    for key in sorted(waiting - set(step.waits if step is not None else ())):
        yield Notice(machine.address, f"{key} waits for a cold start")

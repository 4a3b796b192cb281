"""Apply: do what the plan says, in an order that its parts depend on, and nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.engine.create import Creation, create_machine
from homeprod.engine.ports import Hypervisor
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Value
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.diff import ActualMachine, Plan
from homeprod.plan.mark import NEW_TAG, Mark, render_note
from homeprod.site.site import Site

Say = Callable[[Address, str], None]
ABLE = frozenset({Action.CREATE, Action.UPDATE, Action.FINISH})


@dataclass(frozen=True, slots=True)
class Applying:
    """What one apply works with."""

    site: Site
    hypervisor: Hypervisor
    desired: Mapping[Address, DesiredMachine]
    actual: Mapping[int, ActualMachine]


def check_plan(plan: Plan) -> None:
    """Raise HomeprodError for a plan that cannot be applied; nothing was touched then."""
    for conflict in plan.conflicts:
        raise HomeprodError(conflict.message, where=str(conflict.address), hint=conflict.hint)
    for change in plan.changes:
        if change.action not in ABLE:
            raise HomeprodError(
                f"this version of homeprod cannot {change.action.name.lower()} a machine; nothing was done",
                where=str(change.address),
                hint=f"{change.why}; undo that in the site, or do it by hand",
            )


def order_changes(plan: Plan, desired: Mapping[Address, DesiredMachine]) -> Iterator[Change]:
    """Every change after those it needs: a machine after the data VMs whose disks it uses."""
    by_vmid = {machine.vmid: address for address, machine in desired.items()}
    graph: TopologicalSorter[Address] = TopologicalSorter()
    for address, machine in sorted(desired.items()):
        graph.add(address, *(by_vmid[disk.owner] for disk in machine.attached))
    changes: dict[Address, list[Change]] = {}
    for change in plan.changes:
        changes.setdefault(change.address, []).append(change)
    for address in graph.static_order():
        yield from changes.get(address, [])


def apply_plan(applying: Applying, plan: Plan, say: Say) -> tuple[Address, ...]:
    """Do it; the machines made or found whose cloud-init was not waited for. Raises ProxmoxError at the first
    failure: what was done by then carries its marks, and the next plan sees it."""
    check_plan(plan)
    unfinished: list[Address] = []
    for change in order_changes(plan, applying.desired):
        say(change.address, f"{change.action.value} {change.address}")
        _apply_change(applying, change, lambda line, address=change.address: say(address, line))  # type: ignore[misc]
        if change.address.kind == "vm" and change.action is not Action.UPDATE:
            unfinished.append(change.address)
    return tuple(unfinished)


def _apply_change(applying: Applying, change: Change, say: Callable[[str], None]) -> None:
    machine = applying.desired[change.address]
    if change.action is Action.CREATE:
        create_machine(Creation(applying.site, applying.hypervisor, machine, secrets.token_hex(6)), say)
        _remove_new_tag(applying, machine)
    elif change.action is Action.UPDATE:
        _update(applying, change, machine, say)
    else:
        _start_if_wanted(applying, machine, say)
        _remove_new_tag(applying, machine)


def _start_if_wanted(applying: Applying, machine: DesiredMachine, say: Callable[[str], None]) -> None:
    """An apply that was cut short between create and start is gone on with here."""
    hypervisor = applying.hypervisor
    if machine.is_started and hypervisor.read_status(machine.node, machine.vmid) != "running":
        hypervisor.wait(hypervisor.start_machine(machine.node, machine.vmid), on_line=say)


def _remove_new_tag(applying: Applying, machine: DesiredMachine) -> None:
    """The last write for a machine. Cloud-init's end is not waited for in this version, and apply says so."""
    if machine.address.kind == "vm":
        _write(applying, machine, {"tags": machine.config["tags"]}, lambda _: None)


def _update(applying: Applying, change: Change, machine: DesiredMachine, say: Callable[[str], None]) -> None:
    config: dict[str, Value] = {}
    for difference in change.differences:
        if difference.attribute in machine.config:
            config[difference.attribute] = machine.config[difference.attribute]
        elif difference.attribute in ("description", "address"):
            config["description"] = _renew_note(applying, machine)
        elif difference.attribute in machine.disks:
            config[difference.attribute] = machine.disks[difference.attribute]
    found = applying.actual[machine.vmid].config.config.get("tags")
    if "tags" in config and isinstance(found, frozenset) and NEW_TAG in found:
        tags = machine.config["tags"]
        config["tags"] = tags | {NEW_TAG} if isinstance(tags, frozenset) else tags
    if config:
        _write(applying, machine, config, say)
    for slot, disk in machine.disks.items():
        if any(difference.attribute == f"{slot} size" for difference in change.differences):
            task = applying.hypervisor.grow_disk(machine.node, machine.vmid, slot, disk.size)
            if task is not None:
                applying.hypervisor.wait(task, on_line=say)


def _renew_note(applying: Applying, machine: DesiredMachine) -> str:
    mark = applying.actual[machine.vmid].mark
    if mark is None:
        raise HomeprodError("the machine lost its mark", where=str(machine.address), hint="run homeprod plan again")
    return render_note(Mark(mark.site, machine.address, mark.instance, mark.commit, mark.forces), machine.words)


def _write(
    applying: Applying, machine: DesiredMachine, config: Mapping[str, Value], say: Callable[[str], None]
) -> None:
    task = applying.hypervisor.change_machine(machine.node, machine.vmid, config)
    if task is not None:
        applying.hypervisor.wait(task, on_line=say)

"""A plan as a person and as a machine reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeprod.cli import render
from homeprod.cli.schema.plan import (
    ChangeEntry,
    ConflictEntry,
    DifferenceEntry,
    NoticeEntry,
    PlanReport,
    UnknownEntry,
)
from homeprod.core.address import Address
from homeprod.core.sizes import format_size
from homeprod.drivers.proxmox import encode_value
from homeprod.plan.change import Action, Change, Difference
from homeprod.plan.config import Nic, Value
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.plan import Plan
from homeprod.plan.unknown import Unknown

NOTICE, UNKNOWN, CONFLICT = "*", "?", "!"
"""The signs of what is no action: `plan --help` and docs/reference/commands.md explain them."""
_COLOURS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.DELETE: "red",
    Action.START: "cyan",
    Action.COLD_START: "cyan",
    Action.FINISH: "cyan",
    Action.ADOPT: "cyan",
}


def describe_plan(plan: Plan, api_calls: int) -> PlanReport:
    """For ``--json``. ``api_calls`` is what reading for it cost."""
    return PlanReport(
        changes=[describe_change(change) for change in plan.changes],
        conflicts=describe_conflicts(plan),
        notices=describe_notices(plan),
        unknown=[describe_unknown(unknown) for unknown in plan.unknown],
        api_calls=api_calls,
    )


def describe_change(change: Change) -> ChangeEntry:
    return ChangeEntry(
        action=change.action,
        address=str(change.address),
        node=change.node,
        vmid=change.vmid or None,
        why=change.why,
        differences=[
            DifferenceEntry(attribute=d.attribute, old=_text(d, d.old), new=_text(d, d.new), effect=d.effect)
            for d in change.differences
        ],
    )


def describe_conflicts(plan: Plan) -> list[ConflictEntry]:
    return [
        ConflictEntry(address=str(c.address), message=c.message, hint=c.hint, passes=c.passes) for c in plan.conflicts
    ]


def describe_notices(plan: Plan) -> list[NoticeEntry]:
    return [NoticeEntry(address=str(n.address), message=n.message, differs=n.differs) for n in plan.notices]


def describe_unknown(unknown: Unknown) -> UnknownEntry:
    return UnknownEntry(
        address=str(unknown.address),
        node=unknown.node,
        vmid=unknown.vmid,
        message=unknown.message,
        hint=unknown.hint,
    )


def show_plan(plan: Plan, desired: Mapping[Address, DesiredMachine] | None = None) -> None:
    """What would be done, deletions apart; then what to know; then a summary in one line. ``desired`` says what a
    machine that is created will be."""
    deletions = plan.of(Action.DELETE)
    for change in plan.changes:
        if change not in deletions:
            _show_change(change)
            machine = (desired or {}).get(change.address)
            if machine is not None and change.action in (Action.CREATE, Action.REPLACE):
                for line in _describe_machine(machine):
                    render.print_line(f"    {line}")
    if deletions:
        render.print_line("\nto be deleted:" if len(deletions) < len(plan.changes) else "to be deleted:")
        for change in deletions:
            _show_change(change)
    for message, addresses in _group_notices(plan).items():
        many = _count(addresses) if len(addresses) > 1 else str(addresses[0])
        render.print_line(f"{render.paint(NOTICE, 'yellow')} {many}: {render.advise(message)}")
        if len(addresses) > 1:
            render.print_line(f"    {', '.join(map(str, addresses))}")
    for unknown in plan.unknown:
        render.print_line(
            f"{render.paint(UNKNOWN, 'yellow')} {unknown.address}  VMID {unknown.vmid}: {unknown.message}"
        )
    for hint in dict.fromkeys(unknown.hint for unknown in plan.unknown):
        _print_hint(hint)
    for conflict in plan.conflicts:
        render.print_line(f"{render.paint(CONFLICT, 'red')} {conflict.address}: {render.advise(conflict.message)}")
        _print_hint(conflict.hint)
    is_anything = plan.changes or plan.notices or plan.conflicts or plan.unknown
    render.print_line(("\n" if is_anything else "") + summarise(plan))


def _group_notices(plan: Plan) -> dict[str, list[Address]]:
    """Each message once: many machines wait for the same."""
    grouped: dict[str, list[Address]] = {}
    for notice in plan.notices:
        grouped.setdefault(notice.message, []).append(notice.address)
    return grouped


_KINDS = {"vm": "machines", "data-vm": "machines", "image": "images", "iso": "ISOs"}


def _count(addresses: list[Address]) -> str:
    """``2 machines``, or ``2 images``; ``3 things`` where they are of several kinds."""
    kinds = {_KINDS[address.kind] for address in addresses}
    return f"{len(addresses)} {kinds.pop() if len(kinds) == 1 else 'things'}"


def _print_hint(hint: str) -> None:
    for line in render.advise(hint).splitlines():
        render.print_line(f"    {line}".rstrip())


def _show_change(change: Change) -> None:
    sign = render.paint(change.action.sign, _COLOURS[change.action])
    vmid = f"  VMID {change.vmid}" if change.vmid else ""
    why = f"  ({change.why})" if change.why else ""
    render.print_line(f"{sign} {change.action.value} {change.address}{vmid} on {change.node}{why}")
    for difference in change.differences:
        old, new = _text(difference, difference.old), _text(difference, difference.new)
        render.print_line(f"    {difference.attribute}: {old or '–'} → {new or '–'}  {difference.effect.value}")


def _describe_machine(machine: DesiredMachine) -> Iterator[str]:
    """What a new machine will be, in a few lines."""
    config = machine.config
    if machine.address.kind == "vm":
        state = "started" if machine.is_started else "left stopped"
        network = machine.forces["network"].replace(" ", ", ")
        nic = config["net0"]
        bridge = f" on {nic.bridge}" if isinstance(nic, Nic) else ""
        yield f"{config['cores']} cores, {config['memory']} MiB, {network}{bridge}, {state}"
    for slot, disk in sorted(machine.disks.items()):
        serial = dict(disk.options).get("serial")
        label = f" {serial}," if serial else ""
        source = f", from {disk.import_from.rpartition('/')[2]}" if disk.import_from else ""
        yield f"{slot}:{label} {format_size(disk.size)} on {disk.storage}{source}"
    for attached in machine.attached:
        yield f"{attached.slot}: {attached.serial}, the disk of data VM {attached.owner}"


def summarise(plan: Plan) -> str:
    """``2 to create, 1 to update; 1 conflict``."""
    counts = [(action, len(plan.of(action))) for action in Action]
    words = ", ".join(f"{count} to {action.value}" for action, count in counts if count)
    if plan.conflicts:
        count = len(plan.conflicts)
        conflicts = f"{count} conflict{'s' * (count != 1)}, so nothing can be applied"
        return f"{words}; {conflicts}" if words else conflicts
    if plan.unknown:
        count = len(plan.unknown)
        unknown = f"{count} machine{'s' * (count != 1)} unknown, and left alone"
        return f"{words or 'nothing to do'}; {unknown}"
    waiting = len({notice.address for notice in plan.notices if notice.waits})
    if waiting:
        wait = f"{waiting} machine{'s' * (waiting != 1)} that wait{'s' * (waiting == 1)} for a person: see above"
        return f"{words or 'nothing else to do'}; {wait}"
    if words:
        return words
    if any(notice.differs for notice in plan.notices):
        return "nothing to do, though Proxmox is not all as the site says: see above"
    return "nothing to do: Proxmox is as the site says"


def _text(difference: Difference, value: Value | None) -> str | None:
    """In Proxmox's own form, as its own pages show it; sizes for a person."""
    if value is None:
        return None
    if difference.attribute.endswith(" size") and isinstance(value, int):
        return f"{value / 1024**3:g} GiB"
    if difference.attribute == "memory":
        return f"{value} MiB"
    return encode_value(value).replace(";", " ") if isinstance(value, frozenset) else encode_value(value)

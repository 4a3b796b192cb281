"""Comparison: that data disks and keyrings are those of before, all else is made anew, and nothing is left to do."""

from __future__ import annotations

from homeprod.cli.drill.building import Builder
from homeprod.cli.drill.sight import Sight, plan_part, read_keys
from homeprod.cli.schema.drill import KeptEntry
from homeprod.plan.actual import Actual
from homeprod.plan.drill import compare_kept, is_never_finished, list_kept, name_instance
from homeprod.plan.plan import Plan

_LOST = "what is on that disk is what counts: do nothing more, and look at it in Proxmox before anything writes there"


def compare(builder: Builder, seen: Sight, names: list[str]) -> None:
    """Notes each problem. Raises HomeprodError, StoppedError."""
    wanted = [] if builder.options.all else names
    planned = plan_part(builder.site, builder.cluster, builder.options, wanted)
    note_instances(builder, planned.actual, names)
    _compare_disks(builder, seen, planned.actual)
    _compare_machines(builder, seen, names)
    if builder.boots:
        _compare_keys(builder, seen, planned.actual, names)
    _compare_plan(builder, planned.plan)
    builder.log.stop_if_failed()


def note_instances(builder: Builder, actual: Actual, names: list[str]) -> dict[str, str]:
    """The lives of these machines as they are now."""
    vmids = {name: builder.site.vmid(builder.site.machines[name].machine) for name in names}
    found = {name: name_instance(actual.machines[vmid]) for name, vmid in vmids.items() if vmid in actual.machines}
    builder.log.after |= found
    return found


def _compare_disks(builder: Builder, seen: Sight, actual: Actual) -> None:
    after = list_kept(builder.site, actual)
    for disk in seen.note.disks:
        problem = compare_kept(disk, after)
        builder.log.disks.append(
            KeptEntry(
                owner=disk.owner,
                slot=disk.slot,
                label=disk.label,
                volume=disk.volume,
                size=disk.size,
                problem=problem,
            )
        )
        if problem:
            builder.log.fail(f"{disk.owner} {disk.slot}", f"{disk.volume} {problem}", _LOST)


def _compare_machines(builder: Builder, seen: Sight, names: list[str]) -> None:
    for name in names:
        after = builder.log.after.get(name, "")
        if not after:
            builder.log.fail(f"vm/{name}", "is not there", "make it:\n\n  homeprod apply")
        elif after == seen.note.machines.get(name):
            builder.log.fail(f"vm/{name}", "is still the machine of before", "see who kept it:\n\n  homeprod history")


def _compare_keys(builder: Builder, seen: Sight, actual: Actual, names: list[str]) -> None:
    now = read_keys(builder.site, builder.cluster, actual, names)
    for node, digest in seen.note.keys.items():
        builder.log.keys[node] = is_same = now.get(node) == digest
        if not is_same:
            hint = f"see what its keyring has, on a terminal:\n\n  ssh -t {node} bootstrap"
            words = "has other public keys than before" if node in now else "does not tell its public keys"
            builder.log.fail(f"vm/{node}", words, hint)


def _compare_plan(builder: Builder, plan: Plan) -> None:
    """On a lab that boots nothing no machine with a control node is ever finished."""
    for conflict in plan.conflicts:
        builder.log.fail(str(conflict.address), conflict.message, conflict.hint)
    for change in plan.changes:
        if builder.boots or not is_never_finished(builder.site, change):
            words = f"is not as the site says: the plan would {change.action.value} it"
            builder.log.fail(str(change.address), words, "see it:\n\n  homeprod plan")

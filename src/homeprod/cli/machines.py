"""Every machine of the site as a row: where it is, in which state, and what a plan would do with it."""

from __future__ import annotations

from homeprod.core.overview.snapshot import AS_DECLARED
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.desired import DesiredMachine, desire
from homeprod.plan.plan import Plan
from homeprod.site.site import Site


def list_rows(site: Site, actual: Actual, plan: Plan) -> list[dict[str, object]]:
    """A row a machine, by number as `addresses` lists them, then what has left the site."""
    desired = desire(site)
    by_name = {machine.address.name: machine for machine in desired.values()}
    rows = []
    for row in site.addresses():
        machine = by_name[str(row["name"])]
        rows.append(_make_row(machine, actual.machines.get(machine.vmid), plan, row["address"]))
    known = {machine.vmid for machine in desired.values()}
    for lost in (unknown for unknown in plan.unknown if unknown.vmid not in known):
        name = {"name": lost.address.name, "kind": lost.address.kind, "vmid": lost.vmid, "node": lost.node}
        rows.append({**name, "address": None, "state": "unknown", "plan": "unknown", "waits": []})
    for vmid, found in sorted(actual.machines.items()):
        if vmid not in known and found.mark is not None and found.mark.site == site.config.id:
            address, listed = found.mark.address, found.listed
            row = {"name": address.name, "kind": address.kind, "vmid": vmid, "node": listed.node, "address": None}
            rows.append({**row, "state": listed.status, "plan": "left the site", "waits": []})
    return rows


def _make_row(machine: DesiredMachine, found: ActualMachine | None, plan: Plan, address: object) -> dict[str, object]:
    changes = [change for change in plan.changes if change.address == machine.address]
    unknown = next((unknown for unknown in plan.unknown if unknown.address == machine.address), None)
    if unknown is not None:
        words = "unknown"
    elif any(conflict.address == machine.address for conflict in plan.conflicts):
        words = "conflict"
    else:
        words = ", ".join(f"{change.action.sign} {change.action.value}" for change in changes)
        is_awaiting = any(notice.waits and notice.address == machine.address for notice in plan.notices)
        words = words or ("waits for a person" if is_awaiting else AS_DECLARED)
    return {
        "name": machine.address.name,
        "kind": machine.address.kind,
        "vmid": machine.vmid,
        "node": found.listed.node if found is not None else unknown.node if unknown is not None else machine.node,
        "address": address,
        "state": "unknown" if unknown is not None else _describe_state(machine, found),
        "plan": words,
        "waits": sorted(found.config.pending) if found is not None else [],
    }


def _describe_state(machine: DesiredMachine, found: ActualMachine | None) -> str:
    if found is None:
        return "not there"
    if machine.address.kind == "data-vm":
        return "holds disks"
    return f"{found.listed.status}, not finished" if found.is_new else found.listed.status

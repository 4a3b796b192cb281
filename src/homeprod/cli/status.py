"""``homeprod status``: every machine of the site, as it is now. Only reads."""

from __future__ import annotations

import argparse
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.certificates import Shown, look
from homeprod.cli.connection import connect
from homeprod.cli.plan import make_plan
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.desired import DesiredMachine, desire
from homeprod.plan.plan import Plan
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site

_COLUMNS = ("name", "kind", "vmid", "node", "address", "state", "plan")


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    with closing(connect(site, options)) as cluster:
        planned = make_plan(site, cluster, options)
    rows = list_rows(site, planned.actual, planned.plan)
    shown = look(site, {str(row["name"]) for row in rows if row["state"] == "running"}, lab=options.lab)
    if options.json:
        render.print_json([_add_certificates(row, shown) for row in rows])
    else:
        render.print_table(_COLUMNS, rows)
        for line in _describe_rest(planned.plan, rows):
            render.say(line)
        for one in shown:
            render.say(str(one))
    return 0


def _add_certificates(row: dict[str, object], shown: list[Shown]) -> dict[str, object]:
    """Only where there are some: no other machine has a say in it."""
    own = [one.describe() for one in shown if one.machine == row["name"]]
    return {**row, "certificates": own} if own else row


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
        words = words or ("waits for a person" if is_awaiting else "as declared")
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


def _describe_rest(plan: Plan, rows: list[dict[str, object]]) -> list[str]:
    lines = [f"{conflict.address}: {conflict.message}" for conflict in plan.conflicts]
    lines += [f"{unknown.address}: {unknown.message}" for unknown in plan.unknown]
    lines += [f"{notice.address}: {notice.message}" for notice in plan.notices]
    files = sum(change.address.kind in ("image", "iso") for change in plan.changes)
    if files:
        lines.append(f"{files} file{'s' * (files != 1)} to bring or take away; homeprod plan names them")
    return lines if rows else ["the site declares no machine"]

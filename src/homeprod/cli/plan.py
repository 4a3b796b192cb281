"""``homeprod plan``: what differs from the site. Only reads; exits 2 where there are changes."""

from __future__ import annotations

import argparse
from contextlib import closing

from homeprod.cli import render
from homeprod.engine.read import read_actual
from homeprod.plan.change import Change
from homeprod.plan.desired import desire
from homeprod.plan.diff import Plan, diff
from homeprod.site.loader import find_root, load_site
from homeprod.wiring import open_cluster


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    desired = desire(site)
    with closing(open_cluster(site)) as cluster:
        plan = diff(site.config.id, desired, read_actual(cluster, site.config.id, desired))
        calls = cluster.api_calls
    if options.json:
        render.print_json(
            {"changes": [_as_json(c) for c in plan.changes], "conflicts": _conflicts(plan), "api_calls": calls}
        )
    else:
        show_plan(plan)
    if plan.conflicts:
        return 1
    return 2 if plan.changes else 0


def _as_json(change: Change) -> dict[str, object]:
    differences = [
        {"attribute": d.attribute, "old": _text(d.old), "new": _text(d.new), "effect": d.effect.value}
        for d in change.differences
    ]
    return {
        "action": change.action.name.lower(),
        "address": str(change.address),
        "vmid": change.vmid,
        "why": change.why,
        "differences": differences,
    }


def _conflicts(plan: Plan) -> list[dict[str, str]]:
    return [{"address": str(c.address), "message": c.message, "hint": c.hint} for c in plan.conflicts]


def show_plan(plan: Plan) -> None:
    for change in plan.changes:
        why = f"  ({change.why})" if change.why else ""
        render.print_line(f"{change.action.value} {change.address}  VMID {change.vmid}{why}")
        for d in change.differences:
            render.print_line(f"    {d.attribute}: {_text(d.old)} → {_text(d.new)}  {d.effect.value}")
    for address, key in plan.waiting:
        render.print_line(f"  {address}: {key} waits for a cold start")
    for conflict in plan.conflicts:
        render.print_line(f"! {conflict.address}: {conflict.message}\n    {conflict.hint}")
    if plan.is_empty:
        render.print_line("nothing to do: Proxmox is as the site says")
    else:
        render.print_line(f"\n{len(plan.changes)} changes, {len(plan.conflicts)} conflicts")


def _text(value: object) -> str | None:
    if value is None:
        return None
    return " ".join(sorted(value)) if isinstance(value, frozenset) else str(value)

"""``homeprod control hosts``: every host that the node knows, and what it waits for."""

from __future__ import annotations

import argparse
from typing import Any

from homeprod.cli import render
from homeprod.cli.control.line import open_line
from homeprod.cli.drift import tell_drift

SHORT = 12
"""Characters of a revision that are shown."""
LONG = 40
"""Characters of a problem that a line of a terminal has room for."""


def run(options: argparse.Namespace) -> int:
    with open_line(options) as (_, door):
        told = door.get("/api/hosts")
    if options.json:
        render.print_json({"format": 1, **told})
        return 0
    if told["hosts"]:
        render.print_table(
            ("host", "state", "applied", "drift", "problem"), [_describe(host) for host in told["hosts"]], is_cut=True
        )
        _tell_in_full(told["hosts"])
    else:
        render.print_line("it knows no host yet: it is told of each by `homeprod apply`")
    for name in told["waiting_for_apply"]:
        render.say(f"{name}: waiting for apply, which tells its SSH host key")
    for host in told["hosts"]:
        if host["held_keys"]:
            keys = "\n".join(f"    {key}" for key in host["held_keys"])
            render.say(f"{host['name']} came with another SSH host key, by {host['held_by']}:\n{keys}")
            render.say(f"  where that is right:\n\n    homeprod control trust {host['name']}")
    for host in told["hosts"]:
        if host["is_in_inventory"] is False:
            render.say(
                f"{host['name']} is not in the inventory: misspelt when it was rung for, or no more in the site"
            )
            render.say(f"  where it is no more:\n\n    homeprod control forget {host['name']}")
    return 0


def _tell_in_full(hosts: list[dict[str, Any]]) -> None:
    """What a line of the table has no room for, once for all hosts that have it."""
    names: dict[str, list[str]] = {}
    for host in hosts:
        if "\n" in host["problem"] or len(host["problem"]) > LONG:
            names.setdefault(host["problem"], []).append(host["name"])
    for problem, those in names.items():
        render.say(f"{', '.join(those)}: {problem}")


def _describe(host: dict[str, Any]) -> dict[str, object]:
    applied = host["applied"]["revision"][:SHORT] if host["applied"]["revision"] else None
    state = "waits" if host["waits"] and host["state"] == "idle" else host["state"]
    return {
        "host": host["name"],
        "state": state,
        "applied": applied,
        "drift": tell_drift(host.get("drift"), host.get("drift_since"), host.get("late")),
        "problem": host["problem"].partition("\n")[0] or None,
    }

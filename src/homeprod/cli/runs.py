"""``homeprod runs``: what the control node has run; ``runs show ID`` what it said, ``--follow`` as it says it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from homeprod.cli import render
from homeprod.cli.control.line import open_line
from homeprod.cli.drift import plain
from homeprod.drivers.doorbell import Doorbell

_COLOURS = {
    "successful": "green",
    "failed": "red",
    "timeout": "red",
    "canceled": "yellow",
    "late": "yellow",
    "running": "cyan",
}
_KINDS = {"failed": "red", "unreachable": "red", "item failed": "red", "ignored": "yellow"}
FAILED = 1


def run(options: argparse.Namespace) -> int:
    """Of one run: 0 where it was successful or goes on, 1 where it was not."""
    with open_line(options, past_host=options.host) as (_, door):
        if options.verb == "show":
            return _show(door, options)
        if options.verb == "cancel":
            told = door.post(f"/api/runs/{options.id}/cancel")["run"]
            end = "nothing is left to end" if told["ended"] is not None else "its end is asked for"
            render.print_line(f"run {told['id']} of {told['host']} was {told['status']}; {end}")
            return 0
        runs = door.get(f"/api/runs?limit={options.limit}&host={quote(options.host, safe='')}&kind={options.kind}")[
            "runs"
        ]
    if options.json:
        render.print_json({"format": 1, "runs": runs})
    elif runs:
        columns = ("run", "host", "kind", "status", "began", "took", "by", "problem")
        render.print_table(columns, [_describe(one) for one in runs], is_cut=True)
        troubled = [one["id"] for one in runs if one["problem"]]
        if troubled:
            render.say(f"a problem in full, and what to do:\n\n  homeprod runs show {troubled[0]}")
    else:
        render.print_line("nothing was run yet")
    return 0


def _show(door: Doorbell, options: argparse.Namespace) -> int:
    """For machines an object a line, as it happens; the run itself is the last."""
    told = door.get(f"/api/runs/{options.id}")["run"]
    is_over = told["ended"] is not None
    events = _follow(door, options.id) if options.follow or is_over else iter(())
    for event in events:
        if "end" in event:
            told = event["end"]
        elif options.json:
            render.print_flushed(json.dumps(event))
        elif line := _tell(event):
            render.print_flushed(line)
    if options.json:
        render.print_flushed(json.dumps({"format": 1, "run": told}))
    else:
        status = render.paint(told["status"], _COLOURS.get(told["status"], "dim"))
        problem, _, step = told["problem"].partition("\n")
        render.print_line(f"run {told['id']} of {told['host']}: {status}  {problem}".rstrip())
        if not is_over and not options.follow:
            render.say(f"it is not over; what it says, as it says it:\n\n  homeprod runs show {options.id} --follow")
        if told["status"] in ("failed", "timeout") and told.get("kind", "configure") == "configure":
            _say_next(told["host"], step)
    return FAILED if told["status"] in ("failed", "timeout", "canceled") else 0


def _say_next(host: str, step: str) -> None:
    """What helps against its problem, as far as the node knows that, and how it is run once more."""
    again = f"once that is put right, run it again:\n\n  homeprod control retry {host}"
    render.say(f"{step}\n{again}" if step else again)


def _follow(door: Doorbell, run: int) -> Iterator[dict[str, Any]]:
    return door.follow(f"/api/runs/{run}/events")


def _tell(event: dict[str, Any]) -> str:
    """One line of what Ansible said; nothing where it is no news."""
    if "stats" in event:
        return "  " + ", ".join(f"{name} {count}" for name, count in event["stats"].items() if count)
    if "change" in event:
        return _tell_change(event["change"])
    told = event.get("event", {})
    kind = told.get("kind", "")
    if kind in ("play", "task", "start"):
        name = told.get("task") or told.get("play") or ""
        return f"{kind} {name}" if kind != "start" else ""
    took = f" ({told['seconds']:.1f} s)" if told.get("seconds") is not None else ""
    if kind in ("ok", "skipped"):
        return f"  {'changed' if told.get('changed') else kind}{took}"
    words = told.get("message") or told.get("text") or ""
    return f"  {render.paint(kind, _KINDS.get(kind, 'dim'))}{took} {words}".rstrip()


def _tell_change(change: dict[str, Any]) -> str:
    """What a check found."""
    lines = [f"  {render.paint('~', 'yellow')} would change {plain(change.get('target', ''))}".rstrip()]
    return "\n".join([*lines, *(f"      {plain(line)}" for line in change.get("diff", "").splitlines())])


def _describe(one: dict[str, Any]) -> dict[str, object]:
    began, ended = one["started"], one["ended"]
    took = f"{ended - began:.0f} s" if began and ended else None
    when = datetime.fromtimestamp(began, UTC).strftime("%m-%d %H:%M:%S") if began else None
    return {
        "run": one["id"],
        "host": one["host"],
        "kind": one.get("kind"),
        "status": one["status"],
        "began": when,
        "took": took,
        "by": one["rung_by"] or None,
        "problem": one["problem"].partition("\n")[0] or None,
    }

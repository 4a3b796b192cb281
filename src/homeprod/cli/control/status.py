"""``homeprod control status``: which state the node is in, since when, who waits, what to do next.

Whoever can sign is told more: why a repository is waited for. Without a key it is as good as ever for a script.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from homeprod.cli import render
from homeprod.cli.control.line import open_line
from homeprod.core.errors import ControlError, HomeprodError, UsageError
from homeprod.drivers.doorbell import Doorbell
from homeprod.drivers.doorwords import SignatureError

CODES = {"Ready": 0, "Locked": 2, "New": 3}
"""Exit codes; 1 where nobody answers."""


def run(options: argparse.Namespace) -> int:
    told, unsigned = _ask(options)
    if options.json:
        render.print_json({"format": 1, **told})
    else:
        _show(told)
        if unsigned is not None and told["waiting"]:
            render.say(f"why it waits is told to those who sign: {unsigned.message}\n{unsigned.hint}")
    return CODES.get(told["state"], 1)


def _ask(options: argparse.Namespace) -> tuple[dict[str, Any], HomeprodError | None]:
    """What it says, ``problems`` None where we could not sign; and why we could not."""
    try:
        with open_line(options) as (_, door):
            return {**door.get("/api/status"), "promotion": _ask_gate(door)}, None
    except (UsageError, SignatureError) as error:
        # Where it is not for the key, it is raised once more.
        with open_line(options, is_signed=False) as (_, door):
            return {**door.status(), "problems": None, "promotion": None}, error


def _ask_gate(door: Doorbell) -> list[dict[str, Any]]:
    """A node of an earlier homeprod has none."""
    try:
        return list(door.get("/api/promotion")["environments"])
    except ControlError:
        return []


def _show(told: dict[str, Any]) -> None:
    hosts, runs = told["hosts"], told["runs"]
    colour = {"Ready": "green", "Locked": "yellow"}.get(told["state"], "red")
    state = render.paint(told["state"], colour)
    render.print_line(f"{told['node']} is {state} since {_tell_time(told['since'])}")
    render.print_line(f"  hosts  {hosts['known']} known, {hosts['waiting']} waiting, {hosts['held']} with a held key")
    if upkeep := told.get("upkeep"):  # a node of an earlier homeprod tells nothing of it
        render.print_line(f"  drift  {upkeep['drifting']} hosts where something differs, {upkeep['late']} late")
    counts = ", ".join(f"{count} {status}" for status, count in runs.items() if count) or "none yet"
    render.print_line(f"  runs   {counts}")
    for line in (line for one in told["promotion"] or () for line in _tell_gate(one)):
        render.print_line(f"  {line}")
    for problem in _list_problems(told):
        render.print_line(f"  {render.paint('!', 'yellow')} {problem}")
    if told["next"]:
        waiting = f"; {hosts['waiting']} hosts wait for it" if hosts["waiting"] else ""
        render.print_line(render.advise(f"next{waiting}:\n\n  {told['next']}"))


def _tell_gate(told: dict[str, Any]) -> Iterator[str]:
    """What was admitted to the environment, how far its hosts have followed, and what was no trial."""
    admitted, rollout = told["admitted"][:12] or "nothing yet", told["rollout"]
    words = "" if told["head"] == told["admitted"] else f", and its head is {told['head'][:12]}"
    yield f"gate   {told['environment']}: admitted is {admitted}{words}"
    if rollout["order"] and rollout["state"] != "done":
        hosts = ", ".join(f"{one['host']} {one['state']}" for one in rollout["order"])
        yield f"       roll-out {rollout['state']}: {hosts}"
    if late := [one["host"] for one in rollout["order"] if one["state"] == "late"]:
        yield f"       late: {', '.join(late)}"
    for one in told["emergencies"]:
        words = f"emergency of {one['person']}, {_tell_time(one['at'])}, {one['revision'][:12]}: {one['why']}"
        yield f"       {render.paint('!', 'yellow')} {words}"
    if bad := sorted({one["host"] for one in told["bad"]}):
        yield f"       rolled back and held: what {', '.join(bad)} had"


def _list_problems(told: dict[str, Any]) -> list[str]:
    since = [_tell_time(one["since"]) for one in told["waiting"]]
    if told["problems"] is None:
        return [f"{one['for']}: since {when}" for one, when in zip(told["waiting"], since, strict=True)]
    return [f"{text} (since {when})" for text, when in zip(told["problems"], since, strict=True)]


def _tell_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

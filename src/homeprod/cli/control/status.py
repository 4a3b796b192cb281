"""``homeprod control status``: which state the node is in, since when, who waits, what to do next."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from homeprod.cli import render
from homeprod.cli.control.line import open_line

CODES = {"Ready": 0, "Locked": 2, "New": 3}
"""Exit codes; 1 where nobody answers."""


def run(options: argparse.Namespace) -> int:
    with open_line(options, is_signed=False) as (_, door):
        told = door.status()
    if options.json:
        render.print_json({"format": 1, **told})
    else:
        _show(told)
    return CODES.get(told["state"], 1)


def _show(told: dict[str, Any]) -> None:
    since = datetime.fromtimestamp(told["since"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    hosts, runs = told["hosts"], told["runs"]
    colour = {"Ready": "green", "Locked": "yellow"}.get(told["state"], "red")
    render.print_line(f"{told['node']} is {render.paint(told['state'], colour)} since {since}")
    render.print_line(f"  hosts  {hosts['known']} known, {hosts['waiting']} waiting, {hosts['held']} with a held key")
    counts = ", ".join(f"{count} {status}" for status, count in runs.items() if count) or "none yet"
    render.print_line(f"  runs   {counts}")
    for problem in told["problems"]:
        render.print_line(f"  {render.paint('!', 'yellow')} {problem}")
    if told["next"]:
        waiting = f"; {hosts['waiting']} hosts wait for it" if hosts["waiting"] else ""
        render.print_line(f"next{waiting}:\n\n  {told['next']}")

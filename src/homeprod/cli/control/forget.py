"""``homeprod control forget``: an administrator says that a host is no more, or never was."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.line import open_line
from homeprod.cli.question import ask


def run(options: argparse.Namespace) -> int:
    with open_line(options, past_host=options.host) as (node, door):
        host = door.get(f"/api/hosts/{options.host}")["host"]
        if not options.yes:
            if host["is_in_inventory"]:
                render.print_line(f"  {options.host} is in the inventory: it waits for apply then, or for a ring")
            for key in host["host_keys"]:
                render.print_line(f"  its SSH host key is forgotten, and the next one is believed: {key}")
            ask(f"shall {node} forget {options.host}?", "yes")
        door.post(f"/api/hosts/{options.host}/forget")
    render.print_line(f"forgotten: {options.host}; its runs are kept")
    return 0

"""``homeprod control trust``: an administrator says that a host's new SSH host key is right."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.line import open_line
from homeprod.cli.question import ask


def run(options: argparse.Namespace) -> int:
    with open_line(options, host=options.host) as (_, door):
        host = door.get(f"/api/hosts/{options.host}")["host"]
        if not host["held_keys"]:
            render.print_line(f"no key of {options.host} is held; nothing was done")
            return 0
        for title, keys in (("known", host["host_keys"]), ("held", host["held_keys"])):
            for key in keys:
                render.print_line(f"  {title:<6} {key}")
        if not options.yes:
            ask(f"is that the key of {options.host} now (its console shows it)?", "yes")
        told = door.post(f"/api/hosts/{options.host}/trust", {"fingerprints": host["held_keys"]})
    render.print_line(f"trusted; {options.host} is configured by run {told['run']}")
    return 0

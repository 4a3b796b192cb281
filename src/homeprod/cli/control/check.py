"""``homeprod control check``: ask a host now what a run would change there, and not at its time."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.line import open_line


def run(options: argparse.Namespace) -> int:
    with open_line(options, host=options.host) as (_, door):
        door.post(f"/api/hosts/{options.host}/check")
    render.print_line(f"{options.host} is asked; in a moment, what it said:\n\n  homeprod drift {options.host}")
    return 0

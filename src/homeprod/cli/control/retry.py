"""``homeprod control retry``: configure a host once more, with all its attempts before it."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.line import open_line


def run(options: argparse.Namespace) -> int:
    with open_line(options, host=options.host) as (_, door):
        told = door.post(f"/api/hosts/{options.host}/retry")
    render.print_line(f"run {told['run']} {'is queued' if told['is_new'] else 'was queued already'}")
    return 0

"""``homeprod control lock``: Ready → Locked."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.node import name_administrator, open_client


def run(options: argparse.Namespace) -> int:
    open_client(options).ask("lock", administrator=name_administrator(options))
    render.print_line("the control node is Locked; runs that were under way are broken off")
    render.say("to go on:\n\n  unlock")
    return 0

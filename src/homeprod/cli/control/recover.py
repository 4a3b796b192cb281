"""``homeprod control recover``: who has lost the passphrase gets a new one, with the recovery identity."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.node import name_administrator, open_client, open_terminal, use_up


def run(options: argparse.Namespace) -> int:
    with open_terminal(options) as terminal:
        identity = terminal.read("recovery identity (AGE-SECRET-KEY-…): ")
        new = terminal.read_new("new passphrase")
    with use_up(identity, new), render.busy("opening the keyring"):
        open_client(options).ask(
            "recover", {"identity": identity, "new_passphrase": new}, administrator=name_administrator(options)
        )
    render.print_line("you have a new passphrase")
    render.say(
        "the recovery identity has been typed; make another one, and write that on paper:\n\n"
        "  homeprod control secret rotate recovery"
    )
    return 0

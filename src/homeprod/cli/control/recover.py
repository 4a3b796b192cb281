"""``homeprod control recover``: who has lost the passphrase gets a new one, with the recovery identity."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.node import name_administrator, open_client, open_terminal, read_new, use_up


def run(options: argparse.Namespace) -> int:
    client, person = open_client(options), name_administrator(options)
    with open_terminal(options) as terminal:
        identity = terminal.read("recovery identity (AGE-SECRET-KEY-…): ")
        with use_up(identity):
            client.ask("check-identity", {"identity": identity}, administrator=person)
            new = read_new(terminal, options, "new passphrase")
            with use_up(new), render.busy("opening the keyring"):
                client.ask("recover", {"identity": identity, "new_passphrase": new}, administrator=person)
    render.print_line("you have a new passphrase")
    render.say(
        "the recovery identity has been typed; make another one, and write that on paper:\n\n"
        "  homeprod control secret rotate recovery"
    )
    return 0

"""``homeprod control unlock``: Locked → Ready."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.node import name_administrator, open_client, open_terminal, try_passphrase, use_up
from homeprod.control.keyholder.sockets.wire import Message
from homeprod.control.state import NodeEvent, NodeState, move


def run(options: argparse.Namespace) -> int:
    client, person = open_client(options), name_administrator(options)

    def unlock(passphrase: bytearray) -> Message:
        with use_up(passphrase), render.busy("opening the keyring"):
            return client.ask("unlock", {"passphrase": passphrase}, administrator=person)

    with open_terminal(options) as terminal:
        move(NodeState(client.ask("status").fields["state"]), NodeEvent.UNLOCK)  # before anybody types in vain
        answer = try_passphrase(terminal, "passphrase: ", unlock)
    render.print_line("the control node is Ready")
    for environment in answer.fields["missing"]:
        render.say(
            f"note: the keyring has no keys for the environment {environment}; make them:\n\n"
            f"  homeprod control secret add {environment}"
        )
    return 0

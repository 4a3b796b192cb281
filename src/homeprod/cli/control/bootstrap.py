"""``homeprod control bootstrap``: New → Locked."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.node import name_administrator, open_client, open_terminal, read_new, show_public, use_up
from homeprod.cli.control.terminal import Terminal
from homeprod.control.keyholder.client import KeyholderClient
from homeprod.control.state import NodeEvent, NodeState, move

SHOWN = 6
"""Characters of the recovery identity that are typed back."""
TRIES = 3


def run(options: argparse.Namespace) -> int:
    client, person = open_client(options), name_administrator(options)
    with open_terminal(options) as terminal:
        status = client.ask("status").fields
        move(NodeState(status["state"]), NodeEvent.BOOTSTRAP)  # before anybody types in vain
        if status["has_keyring"]:
            return _take_over(client, person)
        return _create(client, person, terminal, options)


def _take_over(client: KeyholderClient, person: str) -> int:
    answer = client.ask("bootstrap", administrator=person)
    render.print_line("the keyring on the data disk is an earlier machine's of this node: taken over, nothing is new")
    show_public(answer.fields["public"])
    _say_unlock()
    return 0


def _create(client: KeyholderClient, person: str, terminal: Terminal, options: argparse.Namespace) -> int:
    terminal.show("a passphrase that only you know; with it you unlock this node. Five random words are good.")
    passphrase = read_new(terminal, options, "new passphrase")
    with use_up(passphrase), render.busy("making keys and sealing them"):
        answer = client.ask("bootstrap", {"passphrase": passphrase}, administrator=person)
    with use_up(answer.raw["identity"]):
        show_recovery(terminal, answer.raw["identity"])
    render.print_line("the keyring is made, and the control node is Locked")
    show_public(answer.fields["public"])
    render.say(
        "\nwhat to do next:\n"
        "1. where you apply from, write the keys into the site, and compare the fingerprints:\n\n"
        "  homeprod control publish\n\n"
        "2. let both deploy keys read their repositories (the git host's settings)\n"
        "3. unlock it:"
    )
    _say_unlock()
    return 0


def _say_unlock() -> None:
    render.say("\n  unlock\n")


def show_recovery(terminal: Terminal, identity: bytearray) -> None:
    """On the terminal alone, once, until a person has typed its end back."""
    terminal.show(
        "\nthe recovery identity: whoever has it opens the keyring without a passphrase. It is shown this once and\n"
        "kept nowhere. Write it on paper, and keep that where you keep what is precious:\n"
    )
    terminal.show_secret(identity)
    for _ in range(TRIES):
        typed = terminal.read(f"\ntype its last {SHOWN} characters: ", is_echoed=True)
        with use_up(typed):
            if typed.strip().upper() == identity[-SHOWN:]:
                terminal.show("good.\n")
                return
        terminal.show("that is not its end; look again.")
    render.say(
        "warning: nobody typed its end back. Where it is not on paper, make another one once the node is Ready"
    )
    render.say("\n  homeprod control secret rotate recovery\n")

"""``homeprod control admin``: who may unlock the node."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.node import ask_with_passphrase, name_administrator, open_client, open_terminal, use_up


def run(options: argparse.Namespace) -> int:
    return {"list": _list, "add": _add, "remove": _remove, "passphrase": _change}[options.verb](options)


def _list(options: argparse.Namespace) -> int:
    answer = open_client(options).ask("list-administrators", administrator=name_administrator(options))
    for name in answer.fields["administrators"]:
        render.print_line(name)
    return 0


def _add(options: argparse.Namespace) -> int:
    with open_terminal(options) as terminal:
        passphrase = terminal.read("your passphrase: ")
        new = terminal.read_new(f"passphrase of {options.name}, typed by them")
    with use_up(passphrase, new), render.busy("sealing the keyring anew"):
        answer = open_client(options).ask(
            "add-administrator",
            {"passphrase": passphrase, "new_passphrase": new},
            administrator=name_administrator(options),
            name=options.name,
            replaces=options.replace,
        )
    render.print_line(f"{options.name} can unlock this node")
    if not answer.fields["is_listed"]:
        render.say(
            f"note: the node does not let {options.name} speak to it yet; name them in the site as an administrator,"
            " and bring its settings here (docs/how-to/control-node.md)"
        )
    return 0


def _remove(options: argparse.Namespace) -> int:
    answer = ask_with_passphrase(options, "remove-administrator", "sealing the keyring anew", name=options.name)
    render.print_line(f"{options.name} can unlock this node no more; they could have read, and may have kept:")
    for name in answer.fields["result"]:
        render.print_line(f"  {name}")
    render.say("rotate those, unless you trust them for good:\n\n  homeprod control secret rotate all")
    return 0


def _change(options: argparse.Namespace) -> int:
    with open_terminal(options) as terminal:
        passphrase = terminal.read("your passphrase: ")
        new = terminal.read_new("new passphrase")
    with use_up(passphrase, new), render.busy("sealing your identity anew"):
        open_client(options).ask(
            "change-passphrase",
            {"passphrase": passphrase, "new_passphrase": new},
            administrator=name_administrator(options),
        )
    render.print_line("your passphrase is changed")
    render.say("a back-up of before still opens with the old one; make a new back-up")
    return 0

"""``homeprod control admin``: who may unlock the node."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.node import (
    ask_with_passphrase,
    name_administrator,
    open_client,
    open_terminal,
    read_new,
    read_own,
    use_up,
)
from homeprod.control.keyring.files import explain_stranger, name_identity
from homeprod.core.errors import ControlError


def run(options: argparse.Namespace) -> int:
    return {"list": _list, "add": _add, "remove": _remove, "passphrase": _change}[options.verb](options)


def _list(options: argparse.Namespace) -> int:
    for name in _ask_who(options):
        render.print_line(name)
    return 0


def _ask_who(options: argparse.Namespace) -> list[str]:
    """Whose identity is in the keyring."""
    answer = open_client(options).ask("list-administrators", administrator=name_administrator(options))
    return list(answer.fields["administrators"])


def _add(options: argparse.Namespace) -> int:
    people = _ask_who(options)
    name_identity(options.name)
    if options.name in people and not options.replace:
        hint = "where they have lost their passphrase, and type a new one in its place:\n\n"
        raise ControlError(
            f"{options.name} is an administrator of this keyring already",
            hint=f"{hint}  homeprod control admin add {options.name} --replace",
        )
    with open_terminal(options) as terminal:
        passphrase = read_own(terminal, options)
        with use_up(passphrase):
            new = read_new(terminal, options, f"passphrase of {options.name}, typed by them", name=options.name)
            with use_up(new), render.busy("sealing the keyring anew"):
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
    people = _ask_who(options)
    if options.name not in people:  # before anybody types in vain
        raise explain_stranger(options.name, people)
    answer = ask_with_passphrase(options, "remove-administrator", "sealing the keyring anew", name=options.name)
    render.print_line(f"{options.name} can unlock this node no more; they could have read, and may have kept:")
    for name in answer.fields["result"]:
        render.print_line(f"  {name}")
    render.say("rotate those, unless you trust them for good:\n\n  homeprod control secret rotate all")
    return 0


def _change(options: argparse.Namespace) -> int:
    with open_terminal(options) as terminal:
        passphrase = read_own(terminal, options)
        with use_up(passphrase):
            new = read_new(terminal, options, "new passphrase")
            with use_up(new), render.busy("sealing your identity anew"):
                open_client(options).ask(
                    "change-passphrase",
                    {"passphrase": passphrase, "new_passphrase": new},
                    administrator=name_administrator(options),
                )
    render.print_line("your passphrase is changed")
    render.say("a back-up of before still opens with the old one; make a new back-up")
    return 0

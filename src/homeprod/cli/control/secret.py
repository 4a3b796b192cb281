"""``homeprod control secret``: values for the vault repository, and new secrets in place of old ones."""

from __future__ import annotations

import argparse
import os
import re
import sys

from homeprod.cli import render
from homeprod.cli.control.bootstrap import show_recovery
from homeprod.cli.control.node import (
    ask_with_passphrase,
    find_places,
    name_administrator,
    open_client,
    open_terminal,
    show_public,
    use_up,
)
from homeprod.cli.question import ask
from homeprod.control.keyholder.sealed.public import read_record
from homeprod.control.keyholder.sockets.wire import RAW_LIMIT
from homeprod.control.keyring.content import name_secrets
from homeprod.control.keyring.rotation import ALL
from homeprod.core.errors import ControlError, UsageError
from homeprod.core.likeness import suggest

VAULT_TEXT = re.compile(r"^(?P<indent>[ \t]*)\$ANSIBLE_VAULT;[^\n]*(?:\n(?P=indent)[0-9a-f]+)+", re.MULTILINE)
"""A vault text, whole or as the block of a YAML value."""


def run(options: argparse.Namespace) -> int:
    verbs = {"encrypt": _encrypt, "rekey": _rekey, "rotate": _rotate, "add": _add}
    return verbs[options.verb](options)


def _encrypt(options: argparse.Namespace) -> int:
    if options.name and not options.name.isidentifier():
        raise UsageError(f"{options.name!r} is no name of a variable", hint="letters, digits and _ are")
    value = _read_value(options)
    if value.endswith(b"\n"):
        render.say("note: the value ends with a line break, which is part of it; printf %s leaves it out")
    with use_up(value):
        answer = open_client(options).ask(
            "encrypt",
            {"content": value},
            administrator=name_administrator(options),
            environment=options.environment,
        )
    render.print_line(_format(answer.raw["content"].decode(), options.name))
    return 0


def _format(text: str, name: str) -> str:
    if not name:
        return text.rstrip("\n")
    return "\n".join([f"{name}: !vault |", *(f"  {line}" for line in text.splitlines())])


def _read_value(options: argparse.Namespace) -> bytearray:
    """A line typed without echo, or all of standard input, where that is no terminal."""
    if sys.stdin.isatty():
        with open_terminal(options, "the value") as terminal:
            return terminal.read("the value: ")
    return _read_input()


def _read_input() -> bytearray:
    """All of it. Raises ControlError where that is too much."""
    room, filled = bytearray(RAW_LIMIT + 1), 0
    while filled < len(room) and (count := os.readv(sys.stdin.fileno(), [memoryview(room)[filled:]])):
        filled += count
    with use_up(room):
        if filled > RAW_LIMIT:
            raise ControlError(f"standard input has more than {RAW_LIMIT} bytes", hint="encrypt less at once")
        return room[:filled]


def _rekey(options: argparse.Namespace) -> int:
    """Every vault text of a file anew; all else in it stays as it is."""
    client, person = open_client(options), name_administrator(options)

    def encrypt_anew(found: re.Match[str]) -> str:
        indent = found["indent"]
        text = "".join(f"{line.removeprefix(indent)}\n" for line in found[0].splitlines())
        answer = client.ask(
            "re-encrypt", {"content": text.encode()}, administrator=person, environment=options.environment
        )
        return "\n".join(f"{indent}{line}" for line in answer.raw["content"].decode().splitlines())

    before = _read_input().decode(errors="surrogateescape")
    after, count = VAULT_TEXT.subn(encrypt_anew, before)
    if not count:
        raise ControlError("there is no vault text in it", hint="give it a file of the vault repository")
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), after.encode(errors="surrogateescape"))
    return 0


def _rotate(options: argparse.Namespace) -> int:
    if options.what == "recovery":
        return _renew_recovery(options)
    _refuse_unknown(options)
    if options.step == "finish" and not options.yes and options.what.endswith(("/ssh-key", ALL)):
        _ask_for_hosts(options.what)
    words = "sealing the keyring anew"
    answer = ask_with_passphrase(options, "rotate", words, what=options.what, step=options.step)
    show_public(answer.fields["public"])
    waiting = answer.fields["result"]
    if options.step == "begin":
        render.say(
            f"\nthe successor of {options.what} is made, and not in force yet. Bring it to where it is needed\n"
            "(docs/how-to/rotate.md), then:\n\n"
            f"  homeprod control secret rotate {options.what} --finish"
        )
    elif waiting:
        render.say(f"\nstill to be finished or dropped: {', '.join(waiting)}")
    return 0


def _refuse_unknown(options: argparse.Namespace) -> None:
    """By the public record, before anybody types in vain; where there is none, the keyring itself says it. Raises
    ControlError."""
    record = read_record(find_places(options).public_file)
    known = name_secrets(record.get("environments", {}))
    if record and options.what not in (ALL, *known):
        hint = suggest(options.what, known) or f"it has: {', '.join(known)}; or all, or recovery"
        raise ControlError(f"the keyring has no secret {options.what}", hint=hint)


def _ask_for_hosts(what: str) -> None:
    """Raises DeclinedError. Who is locked out here can only be let in again by hand, host by host."""
    environment = what.partition("/")[0]
    whose = "the site" if what == ALL else environment
    render.say(
        f"from then on this node logs in to the machines of {whose} with the new key alone. One that does not let\n"
        "it in, since it was off or its run failed, is locked out. Whether each was configured meanwhile is told,\n"
        "where you apply from, by\n\n  homeprod control hosts\n  homeprod runs\n"
    )
    ask(f"does every machine of {whose} let the new key in?", "yes")


def _renew_recovery(options: argparse.Namespace) -> int:
    answer = ask_with_passphrase(options, "renew-recovery", "sealing the keyring anew")
    with use_up(answer.raw["identity"]), open_terminal(options) as terminal:
        show_recovery(terminal, answer.raw["identity"])
    render.print_line("the recovery identity of before opens this keyring no more; old back-ups it still does")
    return 0


def _add(options: argparse.Namespace) -> int:
    answer = ask_with_passphrase(
        options, "add-environment", "making keys and sealing them", environment=options.environment
    )
    render.print_line(f"the environment {options.environment} has keys")
    show_public(answer.fields["public"])
    render.say("\nwhere you apply from, write them into the site:\n\n  homeprod control publish")
    return 0

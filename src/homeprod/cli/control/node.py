"""What the verbs that are run on the node share: whom they speak to, for whom, and how a passphrase is used up."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from homeprod.cli import render
from homeprod.cli.control.terminal import Terminal
from homeprod.control.keyholder.client import KeyholderClient
from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.sockets.wire import Message
from homeprod.control.places import Places
from homeprod.core.errors import HomeprodError, UsageError

TRIES = 3
"""For a passphrase."""
Answer = TypeVar("Answer")


def open_client(options: argparse.Namespace) -> KeyholderClient:
    """Of the keyholder of this machine. Raises UsageError where it is no control node."""
    return KeyholderClient(_require_node(options).keyholder_socket)


def _require_node(options: argparse.Namespace) -> Places:
    """At once, where a person is at the machine that they apply from."""
    places = find_places(options)
    if options.lab or not places.runtime.exists():
        hint = f"there, on a terminal:\n\n  ssh -t {_guess_node(options)} {_name_call(options)}"
        raise UsageError("that is done on the control node itself", hint=hint)
    return places


def _guess_node(options: argparse.Namespace) -> str:
    """The site's, where this is one and it has one."""
    from homeprod.site.loader import find_root, load_site  # not on the node, which has no site
    from homeprod.wiring.controlnode import choose_node

    try:
        return choose_node(load_site(find_root(options.site)))
    except HomeprodError:
        return "NODE"


def _name_call(options: argparse.Namespace) -> str:
    """What a person types there."""
    typed: tuple[str, ...] = getattr(options, "typed", ("control", options.control_command))
    if "control" in typed:  # what goes before it says where, for which there is ssh
        typed = typed[typed.index("control") :]
    is_short = typed[:2] in (("control", "bootstrap"), ("control", "unlock"))  # programs of their own on the node
    return shlex.join(typed[1:] if is_short else ("homeprod", *typed))


def find_places(options: argparse.Namespace) -> Places:
    """Raises UsageError where the file that is named holds none."""
    if not options.places:
        return Places()
    try:
        return Places.read(Path(options.places))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "says no places"
        hint = "leave --places out: a control node has its things where they belong"
        raise UsageError(reason, where=options.places, hint=hint) from error


def name_administrator(options: argparse.Namespace) -> str:
    """Root says for whom it speaks; under sudo that is whoever called it. Anybody else is who they are."""
    if os.geteuid() != 0:
        return str(options.administrator)
    return str(options.administrator or os.environ.get("SUDO_USER", ""))


def open_terminal(options: argparse.Namespace, what: str = "a passphrase") -> Terminal:
    """To type ``what`` on. Raises ControlError where there is none; it names what was called. Raises UsageError as
    :func:`open_client`."""
    _require_node(options)
    return Terminal(_name_call(options), what)


@contextmanager
def use_up(*secrets: bytearray) -> Iterator[None]:
    """Zeroed afterwards, come what may."""
    try:
        yield
    finally:
        for secret in secrets:
            secret[:] = bytes(len(secret))


def ask_with_passphrase(options: argparse.Namespace, verb: str, words: str, **fields: Any) -> Message:
    """What the keyholder answers to a change of the keyring; the person's passphrase is typed for it."""
    client, person = open_client(options), name_administrator(options)

    def ask(passphrase: bytearray) -> Message:
        with use_up(passphrase), render.busy(words):
            return client.ask(verb, {"passphrase": passphrase}, administrator=person, **fields)

    with open_terminal(options) as terminal:
        return try_passphrase(terminal, "your passphrase: ", ask)


def try_passphrase(terminal: Terminal, prompt: str, use: Callable[[bytearray], Answer]) -> Answer:
    """What ``use`` makes of it. A wrong one may be typed again a few times; anything else that stands in the way
    (a keyring that is damaged, say) is raised at once."""
    for left in range(TRIES - 1, -1, -1):
        try:
            return use(terminal.read(prompt))
        except KeyholderError as error:
            if error.kind != "WrongPassphraseError" or not left:
                raise
            again = "once more" if left == 1 else f"{left} times more"
            render.say(f"{error.message}; it can be typed {again}")
    raise AssertionError("there is at least one try")


def read_own(terminal: Terminal, options: argparse.Namespace) -> bytearray:
    """The person's passphrase, known to be right: more is to be typed after it."""
    client, person = open_client(options), name_administrator(options)

    def check(passphrase: bytearray) -> bytearray:
        try:
            with render.busy("opening the keyring"):
                client.ask("check-passphrase", {"passphrase": passphrase}, administrator=person)
        except BaseException:
            passphrase[:] = bytes(len(passphrase))
            raise
        return passphrase

    return try_passphrase(terminal, "your passphrase: ", check)


def read_new(terminal: Terminal, options: argparse.Namespace, what: str, *, name: str = "") -> bytearray:
    """A new passphrase, typed twice: the person's own, or that of ``name``. Raises ControlError,
    for a weak one before it is typed again."""
    client, person = open_client(options), name_administrator(options)

    def check(passphrase: bytearray) -> None:
        client.ask("check-new-passphrase", {"new_passphrase": passphrase}, administrator=person, name=name)

    return terminal.read_new(what, check)


def show_public(record: dict[str, Any]) -> None:
    """Keys and fingerprints, as a person publishes and compares them."""
    fingerprints = record.get("fingerprints", {})
    for title, group, prefix in (
        ("keys that machines must let in", "environments", "ansible-"),
        ("deploy keys for git, read-only", "deploy", "deploy-"),
    ):
        render.print_line(f"\n{title}:")
        for name, key in record.get(group, {}).items():
            render.print_line(f"  {name}  {fingerprints.get(prefix + name, '')}\n    {key}")

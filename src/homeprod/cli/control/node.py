"""What the verbs that are run on the node share: whom they speak to, for whom, and how a passphrase is used up."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from homeprod.cli import render
from homeprod.cli.control.terminal import Terminal
from homeprod.control.keyholder.client import KeyholderClient
from homeprod.control.keyholder.sockets.wire import Message
from homeprod.control.places import Places
from homeprod.core.errors import UsageError


def open_client(options: argparse.Namespace) -> KeyholderClient:
    """Of the keyholder of this machine."""
    return KeyholderClient(find_places(options).keyholder_socket)


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


def open_terminal(options: argparse.Namespace) -> Terminal:
    """Raises ControlError where there is none; it names what was called."""
    typed: tuple[str, ...] = getattr(options, "typed", ("control", options.control_command))
    is_short = typed[:2] in (("control", "bootstrap"), ("control", "unlock"))  # programs of their own on the node
    return Terminal(shlex.join(typed[1:] if is_short else ("homeprod", *typed)))


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
    with open_terminal(options) as terminal:
        passphrase = terminal.read("your passphrase: ")
    with use_up(passphrase), render.busy(words):
        return open_client(options).ask(
            verb, {"passphrase": passphrase}, administrator=name_administrator(options), **fields
        )


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

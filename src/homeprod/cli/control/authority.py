"""``homeprod control authority``: who signs for names that are not public, and its root."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.control.node import ask_with_passphrase, find_places, open_client
from homeprod.cli.question import ask
from homeprod.control.keyholder.sealed.public import read_record
from homeprod.core.errors import ControlError, UsageError
from homeprod.core.hostname import HostName


def run(options: argparse.Namespace) -> int:
    return {"make": _make, "show": _show}[options.verb](options)


def _make(options: argparse.Namespace) -> int:
    zones = [_read_zone(zone) for zone in options.zones]
    open_client(options)  # nobody types a passphrase where there is no node
    environment = options.environment
    if _find_root(options) and not options.yes:
        render.say(
            f"{environment} has an authority. What another one signs is refused by every client that was not given\n"
            "the new root; what this one signed is good until it ends, wherever its root is."
        )
        ask("make another one in its place?", "yes")
    words = "making it, and sealing the keyring anew"
    ask_with_passphrase(options, "make-authority", words, environment=environment, zones=zones)
    render.say(
        f"the authority of {environment} is made, for names below {', '.join(zones)}; for the clients, its root:"
    )
    return _show(options)


def _read_zone(text: str) -> str:
    try:
        return HostName.parse(text)
    except ValueError as error:
        raise UsageError(str(error), hint="a zone is a name: home.arpa") from None


def _show(options: argparse.Namespace) -> int:
    open_client(options)
    root = _find_root(options)
    if not root:
        hint = f"make it:\n\n  homeprod control authority make {options.environment} ZONE"
        raise ControlError(f"{options.environment} has no authority of its own", hint=hint)
    render.print_line(root.rstrip("\n"))
    return 0


def _find_root(options: argparse.Namespace) -> str:
    """PEM; empty where there is none."""
    roots = read_record(find_places(options).public_file).get("authorities")
    return str(roots.get(options.environment, "")) if isinstance(roots, dict) else ""

"""``homeprod completion``: what a shell sources to complete commands, options and names; and what it then asks.

Names come from file names alone: pressing TAB runs none of a site's code and asks no cluster.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from homeprod.cli import render
from homeprod.core.errors import UsageError
from homeprod.lab import folder
from homeprod.site.names import find_root, list_names


def run(options: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    render.print_line(shellcode(["homeprod"], shell=options.shell))
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell that asks (by ``_ARGCOMPLETE`` in the environment) and end the process."""
    from argcomplete import autocomplete

    attach_completers(parser)
    autocomplete(parser, always_complete_options="long")


def attach_completers(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> None:
    """By what an argument is called in the usage: NAME after ``lab`` and of ``--lab`` is a lab, else a machine."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                attach_completers(command, (*path, name))
        elif action.metavar == "NAME" and ("lab" in path or action.dest == "lab"):
            action.completer = list_labs  # type: ignore[attr-defined]  # argcomplete's own way
        elif action.metavar in ("NAME", "VM", "DATA-VM"):
            action.completer = list_machines  # type: ignore[attr-defined]


def list_machines(*, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """The machines of the site in question; none where there is no site."""
    try:
        # argcomplete hands on a default as it stands there, a text.
        return list_names(find_root(Path(getattr(parsed_args, "site", ""))))
    except UsageError:
        return []


def list_labs(**_: object) -> Iterable[str]:
    """The labs of this person, up or down."""
    return [lab.name for lab in folder.list_labs()]

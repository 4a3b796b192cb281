"""What can be typed after ``homeprod apps``. Imports nothing of ours, so that ``--help`` stays quick."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMANDS = {
    "lint": "find every mistake in an app repository, touching nothing and asking nobody",
    "publish": "move the branches of apps whose files have changed, after asking",
}
_MORE = {
    "lint": "Without a site at hand (--site, or one around you), hosts are not held against its machines.",
    "publish": "What a commit of main holds, and nothing that lies about in the work tree. A branch only ever moves\n"
    "forward; going back is publishing an older commit.",
}


def add_arguments(command: argparse.ArgumentParser, read_path: Callable[[str], Path]) -> None:
    command.set_defaults(verb="", json=False)
    command.add_argument("--json-schema", action="store_true", help="print the JSON Schema of what --json prints")
    verbs = command.add_subparsers(dest="verb", metavar="VERB", parser_class=type(command))
    lint, publish = (
        verbs.add_parser(
            verb,
            help=purpose,
            description=purpose,
            epilog=f"{_MORE[verb]}\n",
            formatter_class=command.formatter_class,
        )
        for verb, purpose in COMMANDS.items()
    )
    for verb in (lint, publish):
        verb.add_argument(
            "folder", type=read_path, nargs="?", metavar="DIR", default=".", help="the app repository (default: here)"
        )
        verb.add_argument(
            "--remote", metavar="REMOTE", default="origin", help="git's name for its git host (default: %(default)s)"
        )
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for machines")
    _add_publish(publish)


def _add_publish(publish: argparse.ArgumentParser) -> None:
    publish.add_argument("--commit", metavar="REV", default="", help="an older commit of main (default: its head)")
    publish.add_argument(
        "--branch", metavar="BRANCH", default="main", help="published from this one (default: %(default)s)"
    )
    publish.add_argument(
        "--only", metavar="HOST[/APP]", action="append", default=[], help="just this host or app; may be repeated"
    )
    publish.add_argument("--dry-run", action="store_true", help="say which branches would move, and move none")
    publish.add_argument(
        "--unsigned",
        action="store_true",
        help="without your signature: whoever writes to the git host decides what runs, and hosts that ask for"
        " signatures refuse it",
    )
    publish.add_argument("--yes", action="store_true", help="do not ask")

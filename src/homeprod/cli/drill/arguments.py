"""What can be typed after ``homeprod drill``. Imports nothing of ours, so that ``--help`` stays quick."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_MINUTES = 1440
_PURPOSE = (
    "destroy machines but for their data disks, make them again from git, prove that they serve; times each step"
)
_MORE = """\
what goes, and what stays:
  goes    the machines, with their boot disks and all that is on them
  stays   data VMs, whole; images; what the control nodes know, which lies on their data disks

in which order: look, ask, destroy all, create (control nodes first), wait until a person has bootstrapped and
unlocked them, configure, ask for what the site serves, compare. Interrupted, the same command goes on: how far it
came stands in Proxmox.
"""


def add_arguments(
    command: argparse.ArgumentParser,
    read_path: Callable[[str], Path],
    add_manner: Callable[[argparse.ArgumentParser], None],
) -> None:
    command.set_defaults(verb="", json=False)
    command.add_argument("--json-schema", action="store_true", help="print the JSON Schema of what --json prints")
    verbs = command.add_subparsers(dest="verb", metavar="VERB", parser_class=type(command))
    rebuild = verbs.add_parser(
        "rebuild", help=_PURPOSE, description=_PURPOSE, epilog=_MORE, formatter_class=command.formatter_class
    )
    rebuild.add_argument("names", metavar="NAME", nargs="*", help="a machine of the site, no data VM")
    rebuild.add_argument("--all", action="store_true", help="all of them")
    rebuild.add_argument(
        "--production", action="store_true", help="on the site's own cluster; the site's name is typed for it"
    )
    rebuild.add_argument(
        "--trust",
        action="store_true",
        help="as an administrator: the new SSH host keys are right where guest agents tell the same",
    )
    rebuild.add_argument(
        "--wait",
        metavar="MINUTES",
        type=_read_minutes,
        default=60.0,
        help="how long to wait for a person who unlocks, and for the runs (default: %(default)g)",
    )
    rebuild.add_argument(
        "--serve-limit",
        metavar="SECONDS",
        type=_read_seconds,
        default=900.0,
        help="how long what is served may take to come (default: %(default)g)",
    )
    rebuild.add_argument(
        "--anew", action="store_true", help="begin from the start, and do not go on with a drill that was cut off"
    )
    rebuild.add_argument("--out", metavar="FILE", type=read_path, help="keep the report there, as --json prints it")
    rebuild.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for machines")
    add_manner(rebuild)


def _read_minutes(text: str) -> float:
    return _read_number(text, MOST_MINUTES, "minutes from 0 to 1440 (a day)")


def _read_seconds(text: str) -> float:
    return _read_number(text, 86_400, "seconds from 0 to 86400 (a day)")


def _read_number(text: str, most: int, words: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise argparse.ArgumentTypeError(f"{words} are expected, not {text!r}")
    return number

"""What the verbs of promotion take. Apart from the commands, so that ``--help`` stays quick."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Reader = Callable[[str], object]

LIMIT = 3600.0
"""Seconds for the runs of one round of a trial; a run of the control node's has half of that."""
_TRYING = """\
To an environment without a gate, its branch moves, its hosts that REV affects are configured, and configured again
(nothing may change then), and the site's own checks are made. What came of it is signed with your key and kept in
git, for these hosts and for those that name them as their counterpart.

To an environment with a gate, each host that REV affects needs such a record; then its branch moves, and the roll-out
is watched host after host. What was broken off goes on from where it stood with the same command.
"""
_ROLLING = """\
The branch moves forward, to a commit with the files of before; it is yours to sign. What is left is held: it comes
back by no push and no promotion, until somebody says --clear.
"""
_SHOWING = """\
what is shown for ever after: ! an emergency, a roll-back, and that one was cleared
"""


def _add_repositories(command: argparse.ArgumentParser, read_path: Callable[[str], Path]) -> None:
    where = "your clone of the playbook repository (default: here)"
    command.add_argument("--repository", metavar="DIR", type=read_path, default=".", help=where)
    secrets = "your clone of the vault repository (default: what `git config homeprod.vault` says there)"
    command.add_argument("--vault", metavar="DIR", type=read_path, default=None, help=secrets)


def _add_manner(command: argparse.ArgumentParser) -> None:
    command.add_argument("--no-watch", action="store_true", help="do not wait for the roll-out's end")
    command.add_argument("--yes", action="store_true", help="do not ask")


def add_trials(command: argparse.ArgumentParser, read_path: Callable[[str], Path]) -> None:
    command.epilog = _SHOWING
    which = "where it would go to (default: the one with a gate)"
    command.add_argument("environment", metavar="ENVIRONMENT", nargs="?", default="", help=which)
    head = "a revision (default: the head of the environment before it)"
    command.add_argument("revision", metavar="REV", nargs="?", default="", help=head)
    _add_repositories(command, read_path)


def add_promote(
    command: argparse.ArgumentParser, read_path: Callable[[str], Path], read_seconds: Callable[[str], float]
) -> None:
    command.epilog = _TRYING
    command.add_argument("revision", metavar="REV", nargs="?", default="", help="a commit, or what git calls one")
    command.add_argument("--to", metavar="ENVIRONMENT", default="", help="where it goes")
    _add_repositories(command, read_path)
    command.add_argument("--no-try", action="store_true", help="without a gate: only move the branch")
    command.add_argument("--again", action="store_true", help="without a gate: also where a record counts still")
    command.add_argument(
        "--wait-limit",
        metavar="SECONDS",
        type=read_seconds,
        default=LIMIT,
        help="how long the runs of one round of a trial may take (default: %(default)g)",
    )
    command.add_argument("--emergency", action="store_true", help="with a gate: untried, and shown as that for ever")
    command.add_argument("--why", metavar="TEXT", default="", help="with --emergency: the reason")
    _add_manner(command)


def add_rollback(command: argparse.ArgumentParser, read_path: Callable[[str], Path]) -> None:
    command.epilog = _ROLLING
    command.add_argument("--env", metavar="ENVIRONMENT", default="", help="which (default: the one with a gate)")
    command.add_argument("--to", metavar="REV", default="", help="back to this one (default: what it had before)")
    _add_repositories(command, read_path)
    command.add_argument("--why", metavar="TEXT", default="", help="the reason, for all who look later")
    clear = "move nothing, and let what was rolled back go there again (of all hosts, or of that one)"
    command.add_argument("--clear", metavar="HOST", nargs="?", const="", default=None, help=clear)
    _add_manner(command)

"""The door: reads the command line, runs one command, turns errors into words and an exit code.

Commands are imported when they run, so that ``--help`` and ``--version`` stay quick.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence

from homeprod import __version__
from homeprod.cli.arguments import add_arguments, add_common
from homeprod.cli.exitcodes import list_exit_codes
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.core.likeness import suggest

TYPE_CHECKING = False  # type checkers take it for true; --help and --version import no typing
if TYPE_CHECKING:
    from typing import Any

INTERRUPTED = 130
COMMANDS = {
    "init": "write a small site that checks clean and is worth reading",
    "check": "find every mistake in the site, touching nothing",
    "plan": "show what differs from the site; only reads",
    "apply": "do what plan shows, after asking",
    "destroy": "destroy one machine; its data disks stay, unless it is a data VM and you say --data",
    "adopt": "write the modules of a machine that was there before the site; its disks too",
    "forget": "take the marks off machines, and leave them running as they are",
    "status": "show every machine as it is now; only reads",
    "watch": "look once, and tell people elsewhere what has changed since the last look; for a timer",
    "history": "what was done to the site's machines, when and by whom; only reads",
    "doctor": "say whether the cluster is fit for the site, and what to do where not; only reads",
    "render": "write the inventory, the control nodes' settings and the way in's files into the playbook repository",
    "configure": "ring at the control node for machines that are there",
    "drift": "what is not as the playbooks say, on which host, and what comes of it; only reads",
    "runs": "what the control node has run: a list, one of them as it goes, or its end",
    "known-hosts": "print machines' SSH host keys for ~/.ssh/known_hosts, as their guest agents tell them",
    "addresses": "list names, addresses and VMIDs",
    "route": "the way in from outside: explain a name's, test what the site expects of it",
    "apps": "the app repository: find its mistakes, publish each app to the hosts that run it",
    "affected": "whose runs a change of the playbook repository may touch, and why; asks nobody",
    "trials": "whom a revision would affect in an environment, and what each has, or lacks, to go there",
    "promote": "bring a revision to an environment: tried where there is no gate, watched where there is one",
    "rollback": "take an environment back by a commit that goes forward; what it leaves is held",
    "rehearse": "try a revision on stand-ins of the machines that it touches, built in a lab and taken away again",
    "drill": "destroy machines but for their data disks, make them again from git, prove that they serve",
    "control": "the control node: its state and hosts; bootstrap, unlock, lock, secrets, administrators, back-ups",
    "diagram": "draw the site: its way in, how its machines are made; the control node's states",
    "lab": "an embedded hypervisor to rehearse in: up, down, status, console, ssh, gateway, repository",
    "completion": "print what a shell sources to complete commands and names",
}


_FILES = {
    "render": "rendering",
    "known-hosts": "knownhosts",
    **{name: f"promotion.{name}" for name in ("trials", "promote", "rollback")},
}
"""Commands whose file is called otherwise."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # argparse exits itself; we raise
        raise UsageError(message, hint=f"see:\n\n  {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Of a command that there is not the nearest one is told, and not a list of them all."""
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            what = str(action.metavar).lower()
            meant = suggest(value, action.choices)
            hint = f"{meant} else see:\n\n  {self.prog} --help" if meant else f"see:\n\n  {self.prog} --help"
            raise UsageError(f"{self.prog} has no {what} {value!r}", hint=hint)
        super()._check_value(action, value)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Knows its width without shutil, which costs a quick command 3 ms; argparse makes one for every argument."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_find_width() - 2)

    def add_argument(self, action: argparse.Action) -> None:
        """argparse measures the names of commands without their indentation, and wraps the longest ones."""
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):
            self._action_max_length += self._indent_increment

    def _format_action(self, action: argparse.Action) -> str:
        """A command that begins a group of them stands under the group's heading."""
        heading: str = getattr(action, "heading", "")
        text = super()._format_action(action)
        return f"\n{' ' * (self._current_indent - self._indent_increment)}{heading}:\n{text}" if heading else text


def _find_width() -> int:
    """Columns of the terminal (``COLUMNS`` first, as shutil does), or 80."""
    try:
        return max(int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size().columns, 40)
    except (ValueError, OSError):
        return 80


def build_parser(arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser of every command; with ``arguments`` only the commands named there get arguments of their own, since
    the others' would never be looked at."""
    parser = _Parser(
        prog="homeprod",
        description="Run a small production site on Proxmox VE from one typed definition in Python.",
        epilog=f"{list_exit_codes('')}  some commands have more of them, or others: see homeprod COMMAND --help",
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"homeprod {__version__}")
    add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=purpose,
            description=purpose,
            formatter_class=_Formatter,
        )
        if arguments is None or name in arguments:
            add_arguments(name, command)
    return parser


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """As ``parse_args`` does, but that what nobody takes leads to the help of the command, or of its verb, that was
    given. Raises UsageError."""
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        hint = f"see:\n\n  {_find_given(parser, options).prog} --help"
        raise UsageError(f"unrecognized arguments: {' '.join(unknown)}", hint=hint)
    return options


def _find_given(parser: argparse.ArgumentParser, options: argparse.Namespace) -> argparse.ArgumentParser:
    """The innermost parser that was named. A verb that goes without saying is named by nobody, and has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            nested = action.choices.get(getattr(options, action.dest, None) or "")
            return _find_given(nested, options) if nested is not None else parser
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    options = argparse.Namespace(debug="--debug" in arguments, json="--json" in arguments, command=None)
    try:
        if "_ARGCOMPLETE" in os.environ:  # a shell asks; imported only then, to keep --help quick
            from homeprod.cli.completion import complete

            complete(build_parser())
        parser = build_parser(arguments)
        options = parse(parser, arguments)
        options.typed = tuple(arguments)
        if options.command is None:
            parser.print_help()
            return 64
        if options.command == "lab":
            from homeprod.cli.extra import require_extra

            require_extra()
        if getattr(options, "json_schema", False):
            from homeprod.cli import render
            from homeprod.cli.schema.catalog import print_schema

            render.print_line(print_schema(options.command))
            return 0
        from homeprod.cli.render import speak_to

        speak_to(options.lab, _name_site(options))
        command = importlib.import_module(f"homeprod.cli.{_FILES.get(options.command, options.command)}")
        code = int(command.run(options))
        sys.stdout.flush()  # here, where a reader that went away is no surprise, and not at Python's end
        return code
    except HomeprodError as error:
        if options.debug:
            from homeprod.cli import render

            render.print_traceback(error)
        tell_error(error, options)
        return 64 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the results went away, as `| head` does
        from homeprod.cli import render

        render.silence(sys.stdout)
        return 1
    except Exception as error:  # a mistake of ours; its traceback is for who asks
        if options.debug:
            raise
        tell_error(explain_mistake(error), options)
        return 1


def _name_site(options: argparse.Namespace) -> str:
    """As it was given; empty where it was not."""
    site = str(options.site)
    return "" if site == "." else site


def tell_error(error: HomeprodError, options: argparse.Namespace) -> None:
    """For a person to stderr; with ``--json`` to stdout too, in the place of what was asked for."""
    from homeprod.cli import render

    if not hasattr(options, "typed"):  # nobody could read what it was to speak to
        render.speak_to(getattr(options, "lab", ""))
    error.hint = render.advise(error.hint)
    if getattr(options, "json", False):
        from homeprod.cli.schema.failure import print_failure

        render.print_flushed(print_failure(error, is_stream=options.command == "apply"))
    render.print_error(error)


def explain_mistake(error: Exception) -> HomeprodError:
    """An exception that nobody foresaw, by its kind and place alone: its words may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace is not None else ""
    return HomeprodError(
        f"a mistake of homeprod's own: {type(error).__name__}{place}",
        hint="what was done so far carries its marks, and the next plan sees it; please report what\n\n"
        "  homeprod --debug …\n\nsays, after a look that it shows nothing private",
    )


def ease_collection() -> None:
    """A plan of a thousand machines makes many small values and no cycles to speak of, among which the collector
    would search again and again (a tenth of the time)."""
    gc.set_threshold(100_000, 50, 100)


def run() -> None:
    """Entry point of the program."""
    ease_collection()
    code = main(sys.argv[1:])
    if code == INTERRUPTED:  # threads may still wait for tasks, and Python would wait for them
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)

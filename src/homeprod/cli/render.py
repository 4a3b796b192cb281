"""The only code that prints. Results go to stdout, talk to stderr; colour only on a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from homeprod.cli.program import Place, turn_commands
from homeprod.core.diagnostic import Diagnostic, MistakesError
from homeprod.core.errors import HomeprodError

_place = Place()
"""Where commands to copy lead."""
_COLOURS = {"ok": 32, "warn": 33, "fail": 31, "skip": 2, "note": 36}


def speak_to(lab: str, site: str = "", *, is_set: bool = False) -> None:
    """From now on commands to copy lead to that lab, empty for the site's own cluster, and to the site in that
    folder, empty where it is found without; ``is_set`` where git's settings say it."""
    global _place
    _place = Place(lab, site, is_set)


def advise(text: str) -> str:
    """Words for a person, with the commands in them as they are to be typed."""
    return turn_commands(text, _place, is_root=os.geteuid() == 0 and "SUDO_USER" not in os.environ)


def advise_command(command: str) -> str:
    """One command alone, as it is to be typed."""
    return advise(f"  {command}").strip() if command else ""


def print_line(text: str = "") -> None:
    print(text)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def print_table(columns: Iterable[str], rows: Iterable[Mapping[str, object]], *, is_cut: bool = False) -> None:
    """Rows under headings, as wide as needed; None prints as ``–``. With ``is_cut`` a terminal's lines end at its
    edge."""
    names = list(columns)
    cells = [[name.upper() for name in names]]
    cells += [["–" if row[name] is None else str(row[name]) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    edge = shutil.get_terminal_size().columns if is_cut and sys.stdout.isatty() else 0
    for line in cells:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        print(f"{text[: edge - 1]}…" if 0 < edge < len(text) else text)


def print_finding(verdict: str, text: str, hint: str) -> None:
    """A line of doctor's, and its next step below."""
    words = f"{verdict:4}"
    if _is_colourful(sys.stdout):
        words = f"\033[{_COLOURS[verdict]}m{words}\033[0m"
    lines = advise(f"{text}\n{hint}").splitlines()
    print("\n".join([f"{words}  {lines[0]}", *(f"      {line}".rstrip() for line in lines[1:])]), flush=True)


def print_flushed(text: str) -> None:
    """For a machine that reads as it comes. That it went away is no reason to break off what goes on."""
    try:
        print(text, flush=True)
    except OSError as error:
        _give_up(sys.stdout, error)


def print_error(error: HomeprodError) -> None:
    """One error and its hint; of a site or an app repository, every mistake."""
    if isinstance(error, MistakesError):
        for mistake in error.diagnostics:
            say(f"{mistake.file}:{mistake.line}: {_red('error')}: {mistake.message}")
            _say_hint(mistake.hint)
    say(f"{_red('error')}: {error}")
    _say_hint(error.hint)


def print_notes(notes: Iterable[Diagnostic]) -> None:
    """What is worth knowing and no mistake, to stderr."""
    for note in notes:
        say(f"{note.file}:{note.line}: note: {note.message}")
        _say_hint(note.hint)


def say(text: str) -> None:
    """Talk, apart from results: to stderr, after what was printed before it. That nobody listens any more is no
    reason to break off what is under way."""
    for stream, write in ((sys.stdout, sys.stdout.flush), (sys.stderr, lambda: print(advise(text), file=sys.stderr))):
        try:
            write()
        except OSError as error:
            _give_up(stream, error)


def _give_up(stream: TextIO, error: OSError) -> None:
    """The reader or its terminal is gone, or the disk is full: an apply goes on all the same, since a machine may be
    off for it just now. Results that are lost though somebody wants them are told."""
    silence(stream)
    if stream is sys.stdout and not isinstance(error, BrokenPipeError):
        say(f"{_red('error')}: what is printed cannot be written any more: {error.strerror}")


def silence(stream: TextIO) -> None:
    """Lead a stream whose reader went away to nowhere: Python would stumble over it once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def print_traceback(error: BaseException) -> None:
    """For ``--debug``."""
    say("".join(traceback.format_exception(error)).rstrip())


@contextmanager
def show_progress() -> Iterator[Callable[[str], None]]:
    """Yields what shows how far a thing is: on a terminal one line that changes and is gone at the end, else a line
    for each change."""
    is_live = sys.stderr.isatty()

    def show(text: str) -> None:
        if is_live:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\033[K{text[:width]}")
            sys.stderr.flush()
        else:
            say(text)

    try:
        yield show
    finally:
        if is_live:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def say_problem(words: str, hint: str) -> None:
    """What is not done, though nothing went wrong with asking for it; and its next step."""
    say(words)
    _say_hint(hint)


def _say_hint(hint: str) -> None:
    if hint:
        say("\n".join(f"  {line}".rstrip() for line in hint.splitlines()))


_CODES = {"dim": 2, "red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36}


def paint(text: str, colour: str) -> str:
    """For stdout: coloured on a terminal, plain elsewhere and under NO_COLOR."""
    return f"\033[{_CODES[colour]}m{text}\033[0m" if _is_colourful(sys.stdout) else text


def paint_talk(text: str, colour: str) -> str:
    """The same for stderr."""
    return f"\033[{_CODES[colour]}m{text}\033[0m" if _is_colourful(sys.stderr) else text


def _red(text: str) -> str:
    return paint_talk(text, "red")


def read_line(prompt: str) -> str:
    """A line that a person types; empty where the input ends."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline()


@contextmanager
def busy(words: str) -> Iterator[None]:
    """Say what takes so long, where it takes more than a second and somebody watches."""
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(1.0, lambda: say(f"{words} …"))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _is_colourful(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ

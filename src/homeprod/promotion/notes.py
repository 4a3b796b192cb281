"""Notes: the records as they stand in git, one line an entry, and which of them are believed.

A line is ``{"entry": {…}, "signature": "…"}``, so that two people's notes merge line by line (``cat_sort_uniq`` of
git-notes(1)).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from homeprod.promotion.record import (
    MOST_BYTES,
    NAMESPACE,
    Entry,
    EntryError,
    Signed,
    read_entry,
    write_canonically,
    write_entry,
)
from homeprod.promotion.sshsig import Believers, SignatureError

NOTES = "refs/notes/homeprod"
"""Where they stand in git."""
MOST_ENTRIES = 10_000
"""That are looked at, of all notes together; some seconds' work."""
LARGEST_NOTE = 4 * 1024 * 1024
"""Bytes of the note of one commit."""
_LARGEST_ALL = 64 * 1024 * 1024
_MOST_PROBLEMS = 50
_LONGEST_LINE = 2 * MOST_BYTES


@dataclass(frozen=True, slots=True)
class Heard:
    """All that was read; ``problems`` name what counts as nothing, and why. ``lines`` are those of the believed, each
    with the commit it stands on."""

    believed: tuple[Signed, ...] = ()
    problems: tuple[str, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()


class NoteError(Exception):
    """A line counts as nothing; the text says why."""


def write_line(entry: Entry, signature: str) -> str:
    return write_canonically({"entry": json.loads(write_entry(entry)), "signature": signature}).decode()


def choose_notes(sizes: Mapping[str, int]) -> set[str]:
    """Which are read, of notes whose bytes are given: none that is too large, and not more than there is room for."""
    chosen: set[str] = set()
    left = _LARGEST_ALL
    for name, size in sorted(sizes.items(), key=lambda one: (one[1], one[0])):
        if size > min(left, LARGEST_NOTE) or len(chosen) == MOST_ENTRIES:
            break
        chosen.add(name)
        left -= size
    return chosen


def read_notes(notes: Mapping[str, str | None], believers: Believers) -> Heard:
    """``notes`` are texts by the commit that they stand on, None for one that is too large to be read."""
    believed: dict[tuple[str, str], Signed] = {}
    problems: list[str] = []
    seen: set[tuple[str, str]] = set()
    left = MOST_ENTRIES
    for commit, text in notes.items():
        if text is None:
            problems.append(f"the note of {commit[:12]} is too large, or no text")
            continue
        for number, line in _list_lines(text):
            if left == 0:
                problems.append(f"there are more than {MOST_ENTRIES} entries, and the rest was not read")
                return _hear(believed, problems)
            left -= 1
            if (commit, line) in seen:
                continue
            seen.add((commit, line))
            try:
                believed[line, commit] = read_line(line, commit, believers)
            except NoteError as error:
                problems.append(f"line {number} of the note of {commit[:12]} {error}")
    return _hear(believed, problems)


def _hear(believed: Mapping[tuple[str, str], Signed], problems: Iterable[str]) -> Heard:
    return Heard(tuple(believed.values()), _cut(problems), tuple(believed))


def read_line(line: str, commit: str, believers: Believers) -> Signed:
    """Raises NoteError."""
    if len(line) > _LONGEST_LINE:
        raise NoteError("is too large")
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        raise NoteError("is no JSON") from None
    if not isinstance(content, dict) or content.keys() != {"entry", "signature"}:
        raise NoteError("is no entry with its signature")
    said, signature = content["entry"], content["signature"]
    try:
        person = believers.find_person(signature if isinstance(signature, str) else "", _sign_again(said), NAMESPACE)
        entry = read_entry(said)
    except SignatureError as error:
        raise NoteError(str(error)) from None
    except EntryError as error:
        raise NoteError(f"is no entry that this homeprod knows: {error}") from None
    if entry.revision != commit:
        raise NoteError(f"stands on another commit than it was signed for ({entry.revision[:12]})")
    return Signed(entry, person)


def _sign_again(said: object) -> bytes:
    """The bytes that were signed: what is not known to us is among them."""
    try:
        content = write_canonically(said)
    except (ValueError, RecursionError):
        raise NoteError("is no entry") from None
    if len(content) > MOST_BYTES:
        raise NoteError("is too large")
    return content


def _list_lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _cut(problems: Iterable[str]) -> tuple[str, ...]:
    told = tuple(problems)
    more = len(told) - _MOST_PROBLEMS
    return told if more <= 0 else (*told[:_MOST_PROBLEMS], f"and {more} more")

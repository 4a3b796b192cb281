"""A difference as text, without the secrets in it: neither those that are known, nor what stands in their place.

Where a file holds a secret and should hold another, the new one is known and the old one may be known to nobody any
more. So where one side of a difference has something masked, the other side's lines are masked whole.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence

from homeprod.control.runs.change import Side
from homeprod.control.runs.redaction import MASK

_MOST_LINES = 2000
"""Of a side, without what both begin and end with; more are counted, not compared: that could take minutes."""
_AROUND = 2


def render_difference(sides: Sequence[Side], redact: Callable[[str], str]) -> str:
    """As diff -u has it, without numbers of lines. ``redact`` takes known secrets out of a text."""
    return "\n".join(line for side in sides for line in _render_side(side, redact))


def _render_side(side: Side, redact: Callable[[str], str]) -> Iterator[str]:
    if side.heading:
        yield redact(side.heading)
    if side.words:
        yield redact(side.words).strip("\n")
    # Redacted before they are cut into lines: a secret may have several.
    before, after = redact(side.before).splitlines(), redact(side.after).splitlines()
    if before != after:
        yield from _compare(before, after)
    elif side.before != side.after:
        yield "only what is masked differs, or how a line ends"


def _compare(before: list[str], after: list[str]) -> Iterator[str]:
    start = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
    start = min(len(before), len(after)) if start is None else start
    first = max(start - _AROUND, 0)
    if max(len(before), len(after)) - first > _MOST_LINES:
        yield f"from line {start + 1} on: {len(before) - start} lines would become {len(after) - start}"
        return
    for hunk in difflib.SequenceMatcher(None, before[first:], after[first:]).get_grouped_opcodes(_AROUND):
        yield from _mask(list(_list_lines(hunk, before[first:], after[first:])))


def _list_lines(
    hunk: Sequence[tuple[str, int, int, int, int]], before: list[str], after: list[str]
) -> Iterator[tuple[str, str]]:
    """Each with its sign."""
    for kind, from_, to, new_from, new_to in hunk:
        if kind == "equal":
            yield from ((" ", line) for line in before[from_:to])
        else:
            yield from (("-", line) for line in before[from_:to])
            yield from (("+", line) for line in after[new_from:new_to])


def _mask(lines: list[tuple[str, str]]) -> Iterator[str]:
    masked = {sign for sign, line in lines if MASK in line}
    for sign, line in lines:
        is_bare = (sign == "-" and "+" in masked) or (sign == "+" and "-" in masked)
        yield f"{sign}{MASK if is_bare and MASK not in line else line}"

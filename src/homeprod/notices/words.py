"""A notice's words: few, and none that come from a machine, since they go through others' hands."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.overview.matter import Matter
from homeprod.notices.news import News

MOST_LINES = 24
MOST_LETTERS = 1_800
"""Of a notice's body: less than what the least of the usual services takes."""
_MOST_LINE = 200


def write_title(site: str, news: News) -> str:
    begun, ended = len(news.new) + len(news.changed), len(news.over)
    if begun:
        return f"{site}: {begun} need{'s' * (begun == 1)} a person" + (f", {ended} over" if ended else "")
    if news.over and not news.standing:
        return f"{site}: nothing needs a person any more"
    return f"{site}: {ended} over" if ended else f"{site}: {len(news.passed)} came and went"


def write_body(news: News) -> str:
    lines: list[str] = []
    left = 0
    for part in _list_parts(news):
        length = sum(len(line) + 1 for line in [*lines, *part])
        if left or len(lines) + len(part) > MOST_LINES or length > MOST_LETTERS:
            left += 1
        else:
            lines += part
    if left:
        lines.append(f"and {left} more: homeprod status")
    if news.standing:
        lines.append(f"({news.standing} {'goes' if news.standing == 1 else 'go'} on since before)")
    return "\n".join(lines)


def _list_parts(news: News) -> Iterator[list[str]]:
    """What stays together."""
    for matter in news.new:
        yield _write_matter(matter)
    for matter in news.changed:
        yield _write_matter(matter)
    for words in news.over:
        yield [_write_line(f"over: {words}")]
    for words in news.passed:
        yield [_write_line(f"came and went: {words}")]


def _write_matter(matter: Matter) -> list[str]:
    command = [f"    {matter.command}"] if matter.command else []
    return [_write_line(f"! {matter.brief or matter.text}"), *command]


def _write_line(text: str) -> str:
    line = "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))
    return line if len(line) <= _MOST_LINE else f"{line[: _MOST_LINE - 1]}…"

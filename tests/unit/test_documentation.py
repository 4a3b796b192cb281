"""The documentation's links lead somewhere, and its command lines are ones that homeprod takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeprod.cli.main import COMMANDS, build_parser

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(r'\bsrc(?:set)?="([^"]+)"', text)
    near = [link for link in links if "://" not in link]
    assert [link for link in near if not (page.parent / link).exists()] == []


def _find_commands() -> Iterator[str]:
    """Every indented line of the pages that begins with homeprod."""
    for page in PAGES:
        for line in re.findall(
            r"^ {4,}(?:sudo )?(?:\S*/)?homeprod (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE
        ):
            yield line.partition("  #")[0].partition(" | ")[0].partition(" > ")[0]


@pytest.mark.parametrize("line", sorted({*_find_commands()}))
def test_command_lines_are_understood(line: str) -> None:
    if "COMMAND" in line:  # the usage line of the reference
        return
    assert build_parser().parse_args(shlex.split(line)).command in COMMANDS


def test_every_command_stands_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert [command for command in COMMANDS if f"`{command}" not in reference] == []


def test_nothing_is_promised_or_offered_twice() -> None:
    """Lines of lists that several people write to come back doubled from merges."""
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "verified.md").read_text(encoding="utf-8"), re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Read on")[2]
    for words in (rows, re.findall(r"\]\(([^)]+)\)", readme)):
        assert sorted({word for word in words if words.count(word) > 1}) == []

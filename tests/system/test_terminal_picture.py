"""The documentation's picture of a terminal shows what the program prints now."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

GENERATE = Path(__file__).parents[2] / "docs" / "generate" / "terminal.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(GENERATE))


def _read_rows(picture: str) -> list[str]:
    rows: dict[str, str] = {}
    for span in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314  # our own words
        place = span.get("y", "")
        rows[place] = rows.get(place, "") + "".join(span.itertext())
    return list(rows.values())


def _list_lasting(rows: list[str]) -> list[str]:
    """Without what is otherwise each time: when, in which order, a hash of what has a nonce, how far a copy was."""
    plain = (re.sub(r"^\d\d:\d\d |-[0-9a-f]{12}|\[\d+/", "", row) for row in rows)
    return sorted(row for row in plain if "transferred" not in row)


@pytest.mark.slow
def test_the_picture_shows_what_is_printed_now(script: dict[str, Any]) -> None:
    """`make docs` writes it; here the commands run anew."""
    drawn = _read_rows((script["PICTURES"] / "terminal.svg").read_text(encoding="utf-8"))
    now = _read_rows(script["draw_terminal"](script["record"](), script["WIDE"]))
    assert _list_lasting(drawn) == _list_lasting(now)


def test_the_narrow_picture_shows_the_same(script: dict[str, Any]) -> None:
    wide, narrow = (
        "".join(_read_rows((script["PICTURES"] / f"{name}.svg").read_text(encoding="utf-8")))
        for name in ("terminal", "terminal-narrow")
    )
    assert wide.replace(" ", "") == narrow.replace(" ", "")


def test_a_line_is_folded_as_by_a_terminal_and_keeps_its_colours(script: dict[str, Any]) -> None:
    spans = script["read_colours"]("\033[32m+\033[0m create \033[33mvm\033[0m")
    assert spans == [("+", "green"), (" create ", ""), ("vm", "amber")]
    rows = list(script["fold"](spans, 4))
    assert rows == [[("+", "green"), (" cr", "")], [("eate", "")], [(" ", ""), ("vm", "amber")]]
    assert list(script["fold"]([], 4)) == [[]]


@pytest.mark.parametrize("columns", [10, 50])
def test_no_words_leave_the_picture(script: dict[str, Any], columns: int) -> None:
    picture = script["draw_terminal"](["$ homeprod plan", "x" * 120, "", "\033[31merror\033[0m: <&>"], columns)
    root = ElementTree.fromstring(picture)  # noqa: S314  # our own words
    width = float(root.get("width", "0"))
    spans = list(root.iter("{http://www.w3.org/2000/svg}text"))
    assert all(float(span.get("x", "0")) + float(span.get("textLength", "0")) < width - 9 for span in spans)
    assert sum((span.text or "").count("x") for span in spans) == 120

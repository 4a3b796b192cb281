"""The picture of a control node's states, drawn from the table that the node goes by."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.unit.control.test_state import EXPECTED

from homeprod.cli.main import main
from homeprod.control.state import NodeState
from homeprod.diagram.states import draw_mermaid, draw_text, lay_states, list_ways
from homeprod.diagram.svg import draw_svg

ROOT = Path(__file__).parents[3]


def _read_arrows(text: str, pattern: str) -> set[tuple[str, str, str]]:
    found = re.findall(pattern, text, re.MULTILINE)
    return {(before, event, after) for before, after, events in found for event in events.split(", ")}


def _parse_svg() -> ElementTree.Element:
    return ElementTree.fromstring(draw_svg(lay_states()))  # noqa: S314  # our own words


def test_pictures_show_every_move_and_no_other() -> None:
    moves = {(before, event, after) for (before, event), after in EXPECTED.items()}
    assert _read_arrows(draw_mermaid(), r"^    (\w+) --> (\w+): (.+)$") == moves
    assert {(b, e, a) for b, a, e in _swap(draw_text())} == moves
    described = _parse_svg().findtext("{*}desc") or ""
    assert _read_arrows(described.replace("; ", "\n"), r"^(\w+) to (\w+) by (.+)$") == moves


def _swap(text: str) -> set[tuple[str, str, str]]:
    arrows = re.findall(r"^(\w+) +--(.+)--> (\w+)$", text, re.MULTILINE)
    return {(before, after, event) for before, events, after in arrows for event in events.split(", ")}


def test_the_svg_stands_alone_in_light_and_dark() -> None:
    picture = draw_svg(lay_states())
    labels = [element.text for element in _parse_svg().iter("{http://www.w3.org/2000/svg}text")]
    assert {state.value for state in NodeState} <= set(labels)
    assert len(labels) == len(NodeState) + len(list_ways())
    assert "prefers-color-scheme: dark" in picture
    assert not re.search(r"url\((?!#)|@import|href|font-face", picture)


def test_the_documentation_is_what_would_be_generated() -> None:
    """`make docs` writes it."""
    script = runpy.run_path(str(ROOT / "docs" / "generate" / "states.py"))
    page = script["PAGE"].read_text(encoding="utf-8")
    for file, picture in script["draw_pictures"]():
        assert file.read_text(encoding="utf-8") == picture
    assert script["fill_page"](page) == page
    assert draw_mermaid() in page


@pytest.mark.parametrize(
    ("form", "picture"), [("svg", draw_svg(lay_states())), ("mermaid", draw_mermaid()), ("text", draw_text())]
)
def test_the_command_draws(form: str, picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagram", "states", "--format", form]) == 0
    assert capsys.readouterr() == (picture.rstrip("\n") + "\n", "")


def test_what_cannot_be_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagram", "weather"]) == 64
    assert "invalid choice: 'weather'" in capsys.readouterr().err

"""The states of a control node: every pair of state and event, and the pictures drawn from the table."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

from homeprod.cli.main import main
from homeprod.control.drawing import draw_mermaid, draw_svg, draw_text, list_ways
from homeprod.control.state import MOVES, NodeEvent, NodeState, list_events, move
from homeprod.core.errors import ControlError

ROOT = Path(__file__).parents[3]
LEGAL = """
    Uncreated create New
    New bootstrap Locked | New restart New | New destroy Uncreated
    Locked unlock Ready | Locked restart Locked | Locked destroy Uncreated
    Ready lock Locked | Ready restart Locked | Ready destroy Uncreated
"""
"""Written by hand from the design, apart from the table."""
EXPECTED = {tuple(line.split()[:2]): line.split()[2] for line in re.split(r"[|\n]", LEGAL) if line.strip()}
PAIRS = [(state, event) for state in NodeState for event in NodeEvent]


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=lambda one: one.value)
def test_every_pair(state: NodeState, event: NodeEvent) -> None:
    expected = EXPECTED.get((state.value, event.value))
    if expected:
        assert move(state, event).value == expected
        return
    with pytest.raises(ControlError) as caught:
        move(state, event)
    assert caught.value.message == f"cannot {event.value} a control node that is {state.value}"
    assert caught.value.hint.startswith("nothing was changed")
    assert all(word in caught.value.hint for word in list_events(state))
    assert event.value not in list_events(state)


def test_an_unknown_move_changes_nothing() -> None:
    before = dict(MOVES)
    for state, event in PAIRS:
        if (state, event) not in MOVES:
            with pytest.raises(ControlError):
                move(state, event)
    assert dict(MOVES) == before
    with pytest.raises(TypeError):
        MOVES[NodeState.NEW, NodeEvent.UNLOCK] = NodeState.READY  # type: ignore[index]


def test_every_state_can_be_left_and_come_to() -> None:
    assert {after for _, after, _ in list_ways()} == set(NodeState)
    assert {before for before, _, _ in list_ways()} == set(NodeState)


def _read_arrows(text: str, pattern: str) -> set[tuple[str, str, str]]:
    found = re.findall(pattern, text, re.MULTILINE)
    return {(before, event, after) for before, after, events in found for event in events.split(", ")}


def _parse_svg() -> ElementTree.Element:
    return ElementTree.fromstring(draw_svg())  # noqa: S314  # our own words


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
    picture = draw_svg()
    labels = [element.text for element in _parse_svg().iter("{http://www.w3.org/2000/svg}text")]
    assert {state.value for state in NodeState} <= set(labels)
    assert len(labels) == len(NodeState) + len(list_ways())
    assert "prefers-color-scheme: dark" in picture
    assert not re.search(r"url\((?!#)|@import|href|font-face", picture)


def test_the_documentation_is_what_would_be_generated() -> None:
    """`make docs` writes it."""
    script = runpy.run_path(str(ROOT / "docs" / "generate" / "states.py"))
    page = script["PAGE"].read_text(encoding="utf-8")
    assert script["PICTURE"].read_text(encoding="utf-8") == draw_svg()
    assert script["fill_page"](page) == page
    assert draw_mermaid() in page


@pytest.mark.parametrize(("form", "draw"), [("svg", draw_svg), ("mermaid", draw_mermaid), ("text", draw_text)])
def test_the_command_draws(form: str, draw: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(draw)
    assert main(["diagram", "states", "--format", form]) == 0
    assert capsys.readouterr() == (draw().rstrip("\n") + "\n", "")


def test_what_cannot_be_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagram", "weather"]) == 64
    assert "invalid choice: 'weather'" in capsys.readouterr().err

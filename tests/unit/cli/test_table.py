"""What a terminal gets: tables no wider than it is, where a column of long words is last, and colour."""

from __future__ import annotations

import os

import pytest

from homeprod.cli import render
from homeprod.cli.runs import _tell

ROWS = [{"run": 1, "problem": "a cause that is long, and more that nobody has room for"}, {"run": 2, "problem": None}]


@pytest.mark.parametrize(
    ("is_terminal", "line"), [(True, "1    a cause that i…"), (False, f"1    {ROWS[0]['problem']}")]
)
def test_a_terminals_lines_end_at_its_edge(
    is_terminal: bool, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((20, 10)))
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    render.print_table(("run", "problem"), ROWS, is_cut=True)
    assert capsys.readouterr().out.splitlines() == ["RUN  PROBLEM", line, "2    –"]


@pytest.mark.parametrize("kind", ["failed", "ignored", "text", "dropped"])
def test_every_kind_of_event_has_a_colour(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert kind in _tell({"event": {"kind": kind, "text": "words"}})

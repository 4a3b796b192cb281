"""Questions, and how they end."""

from __future__ import annotations

import sys

import pytest

from homeprod.cli import render
from homeprod.cli.question import confirm


def test_an_interrupted_question_says_that_nothing_was_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(render, "read_line", interrupt)
    with pytest.raises(KeyboardInterrupt):
        confirm("apply this?", otherwise="--yes")
    assert capsys.readouterr().err == "\nnothing was done\n"

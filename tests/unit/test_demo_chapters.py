"""`make demo-all`: the chapters in their order, each a program of its own, and their times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

from demo.chapters import CHAPTERS, describe_times, play_all
from demo.stage import DemoError

PROGRAM = """
import pathlib, sys
log = pathlib.Path(__file__).with_name("log")
log.write_text(log.read_text() + " ".join(sys.argv[1:] or ["-"]) + "\\n" if log.exists() else "-\\n")
sys.exit(7 if sys.argv[1:] == [FAILS] else 0)
"""


def write_program(folder: Path, fails: str = "") -> Path:
    (folder / "__main__.py").write_text(PROGRAM.replace("FAILS", repr(fails)))
    return folder


def test_every_chapter_in_its_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play_all(write_program(tmp_path))
    assert (tmp_path / "log").read_text().split() == ["-", *CHAPTERS[1:]]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in lines[-6:]] == [
        "make demo",
        "make demo-entry",
        "make demo-ongoing",
        "make demo-promotion",
        "make demo-control",
        "in all",
    ]


def test_the_first_that_fails_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DemoError, match="make demo-entry ended with 7"):
        play_all(write_program(tmp_path, "entry"))
    assert (tmp_path / "log").read_text().split() == ["-", "entry"]
    assert "in all" in capsys.readouterr().out


def test_the_times_add_up() -> None:
    assert describe_times([("make demo", 100.0), ("make demo-entry", 20.0)]).endswith("120.0 s  (2.0 minutes)")


def test_the_makefile_leads_to_it() -> None:
    text = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert "demo-all: setup\n\t@$(python) examples/demo all\n" in text
    for chapter in CHAPTERS[1:]:
        assert f"examples/demo {chapter}\n" in text

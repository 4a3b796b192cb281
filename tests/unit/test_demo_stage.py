"""The demo's copy of pegasus: the chapters that come before the gate are refused behind it, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

from demo.promotion import declare_gate
from demo.stage import DemoError, Stage

from homeprod.site.configured import list_gated
from homeprod.site.loader import load_site


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stage = Stage(began=0, boots=False)
    stage.prepare_site()
    return stage


def test_before_the_gate_every_chapter_may_play(stage: Stage) -> None:
    stage.require_ungated()


def test_behind_it_those_before_it_are_refused(stage: Stage) -> None:
    declare_gate(stage)
    assert [one.name for one in list_gated(load_site(stage.site))] == ["prod"]
    with pytest.raises(DemoError, match="make demo-promotion has put a gate before prod"):
        stage.require_ungated()


def test_it_is_declared_once(stage: Stage) -> None:
    declare_gate(stage)
    files = {file: file.read_text() for file in stage.site.rglob("*.py")}
    declare_gate(stage)
    assert {file: file.read_text() for file in stage.site.rglob("*.py")} == files

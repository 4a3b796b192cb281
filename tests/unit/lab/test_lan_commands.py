"""``lab outside`` and ``lab gateway`` of labs that have no LAN, or none now."""

from __future__ import annotations

import os

import pytest
from tests.unit.lab.conftest import Run

from homeprod.lab.folder import require_lab

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="who is not root hears of that first")
COMMANDS = (("outside", "p"), ("outside", "p", "true"), ("gateway", "p", "--clear"), ("gateway", "p", "-"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_lab_that_is_down_or_boots_nothing_has_no_lan(
    run: Run, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("lab", "up", "p", "--no-boot") == 0
    capsys.readouterr()
    assert run("lab", *words) == 1
    assert "lab p boots nothing (--no-boot), so it has no LAN" in capsys.readouterr().err
    assert run("lab", "down", "p") == 0
    capsys.readouterr()
    assert run("lab", *words) == 1
    told = capsys.readouterr().err
    assert "lab p is not up" in told
    assert "homeprod lab up p" in told


def test_the_rules_of_a_lab_that_is_down_are_shown(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lab", "up", "p", "--no-boot") == 0
    capsys.readouterr()
    assert run("lab", "gateway", "p") == 0
    assert "the gateway has no rules" in capsys.readouterr().out
    place = require_lab("p").path / "lan"
    place.mkdir()
    (place / "gateway.nft").write_text("table inet t {}\n")
    assert run("lab", "gateway", "p") == 0
    assert capsys.readouterr().out == "table inet t {}\n"

"""What is said where the lab's extra is not installed."""

from __future__ import annotations

from importlib.machinery import ModuleSpec

import pytest

from homeprod.cli import extra
from homeprod.cli.main import main
from homeprod.core.errors import LabError


def test_the_extra_is_here() -> None:
    extra.require_extra()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = extra.find_spec

    def find(name: str) -> ModuleSpec | None:
        return None if name == "aiohttp" else real(name)

    monkeypatch.setattr(extra, "find_spec", find)
    with pytest.raises(LabError, match=r"the lab is not installed \(aiohttp missing\)") as caught:
        extra.require_extra()
    assert "pip install 'homeprod[lab]'" in caught.value.hint


def test_without_what_sends_notices_nobody_is_told_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    assert main(["watch", "--dry-run"]) == 64
    said = capsys.readouterr().err
    assert "notices are not installed (apprise missing)" in said
    assert "pip install 'homeprod[notices]'" in said

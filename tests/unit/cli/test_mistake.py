"""What nobody foresaw: one line for a person, the traceback for who asks."""

from __future__ import annotations

import pytest

from homeprod.cli.main import main

CANARY = "canary-1f2e3d"


def _break(*_: object) -> int:
    raise RuntimeError(CANARY)


def test_a_mistake_of_ours_is_one_error_without_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("homeprod.cli.check.run", _break)
    assert main(["check"]) == 1
    said = capsys.readouterr()
    assert "a mistake of homeprod's own: RuntimeError at " in said.err
    assert CANARY not in said.err + said.out
    assert "Traceback" not in said.err
    with pytest.raises(RuntimeError):
        main(["--debug", "check"])

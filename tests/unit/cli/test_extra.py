"""What is said where the lab's extra is not installed."""

from __future__ import annotations

import re
import shlex
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from homeprod.cli import extra
from homeprod.cli.main import main
from homeprod.core import extras
from homeprod.core.errors import LabError

PIP = f"{shlex.quote(sys.executable)} -m pip install"


def test_the_extra_is_here() -> None:
    extra.require_extra()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = extra.find_spec

    def find(name: str) -> ModuleSpec | None:
        return None if name == "aiohttp" else real(name)

    monkeypatch.setattr(extra, "find_spec", find)
    with pytest.raises(LabError, match=r"the lab is not installed \(aiohttp missing\)") as caught:
        extra.require_extra()
    assert caught.value.hint.endswith(f"in the clone that homeprod was installed from:\n\n  {PIP} '.[lab]'")


def test_without_what_sends_notices_nobody_is_told_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    assert main(["watch", "--dry-run"]) == 64
    said = capsys.readouterr().err
    assert "notices are not installed (apprise missing)" in said
    assert f"  {PIP} '.[notices]'\n" in said
    for words in ((), ("--test",)):
        assert main(["watch", *words]) == 64
        assert "nobody is named to tell" in capsys.readouterr().err, "that is to be mended first"


def test_an_environment_of_uvs_has_no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    assert f"\n  uv pip install --python {sys.executable} '.[notices]'" in extras.advise_install("notices")


def test_nothing_leads_to_a_package_of_that_name_on_an_index() -> None:
    """There is none; a stranger's would be installed."""
    root = Path(__file__).parents[3]
    files = [root / "README.md", *(root / "docs").rglob("*.md"), *(root / "src").rglob("*.py")]
    words = re.compile(r"(pip|uv tool|uv pip|pipx) install (--\S+ )*['\"]?homeprod\b")
    assert [str(file) for file in files if words.search(file.read_text(encoding="utf-8"))] == []

"""Every wrong site under tests/cases/sites gives exactly the diagnostics that its case file says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from homeprod.core.diagnostic import SiteError
from homeprod.site.loader import load_site

CASES = Path(__file__).parents[2] / "cases" / "sites"


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda file: file.stem)
def test_wrong_site_gives_exactly_these_diagnostics(case: Path, tmp_path: Path) -> None:
    data = yaml.safe_load(case.read_text(encoding="utf-8"))
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "_config.py").write_text((CASES / "_config.py.txt").read_text(encoding="utf-8"), encoding="utf-8")
    for file in (CASES / "entry").glob("*.txt") if data.get("with_entry_machines") else ():
        (modules / file.stem).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    for name, text in data["modules"].items():
        (modules / f"{name}.py").write_text(text, encoding="utf-8")
    for name, text in data.get("keys", {}).items():
        (tmp_path / "keys").mkdir(exist_ok=True)
        (tmp_path / "keys" / name).write_text(text, encoding="utf-8")

    with pytest.raises(SiteError) as caught:
        load_site(tmp_path)

    mistakes = caught.value.diagnostics
    assert [str(mistake) for mistake in mistakes] == data["expected"]
    for mistake, words in zip(mistakes, data.get("hints", [""] * len(mistakes)), strict=True):
        assert words in mistake.hint if words is not None else not mistake.hint


def test_there_are_at_least_twenty_five_cases() -> None:
    assert len(list(CASES.glob("*.yaml"))) >= 25

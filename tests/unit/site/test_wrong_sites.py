"""Every wrong site under tests/cases/sites gives exactly the diagnostics that its case file says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.site_case import CASES, write_case

from homeprod.core.diagnostic import SiteError
from homeprod.site.loader import load_site

SITES = CASES / "sites"


@pytest.mark.parametrize("case", sorted(SITES.glob("*.yaml")), ids=lambda file: file.stem)
def test_wrong_site_gives_exactly_these_diagnostics(case: Path, tmp_path: Path) -> None:
    data = write_case(case, tmp_path)

    with pytest.raises(SiteError) as caught:
        load_site(tmp_path)

    mistakes = caught.value.diagnostics
    assert [str(mistake) for mistake in mistakes] == data["expected"]
    for mistake, words in zip(mistakes, data.get("hints", [""] * len(mistakes)), strict=True):
        assert words in mistake.hint if words is not None else not mistake.hint


def test_there_are_at_least_twenty_five_cases() -> None:
    assert len(list(SITES.glob("*.yaml"))) >= 25

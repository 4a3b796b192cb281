"""Fixtures of the tests that cross rooms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.site_lab import SiteLab, open_site_lab


@pytest.fixture
def site_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SiteLab]:
    with open_site_lab(tmp_path, monkeypatch, capsys) as lab:
        yield lab


@pytest.fixture
def quick_lab(site_lab: SiteLab) -> SiteLab:
    """A holder is dead after two seconds."""
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=2,")
    assert site_lab.apply() == 0
    site_lab.lab.forget_calls()
    return site_lab

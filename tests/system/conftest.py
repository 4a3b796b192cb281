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

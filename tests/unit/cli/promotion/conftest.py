"""A site whose changes are promoted, with real git hosts; nobody asks its control node."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.promoted_site import PromotedSite, fill, make_site

PEGASUS = Path(__file__).parents[4] / "examples" / "pegasus"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> PromotedSite:
    root = tmp_path / "pegasus"
    shutil.copytree(PEGASUS, root, ignore=shutil.ignore_patterns("__pycache__"))
    playbooks, vault, key = make_site(root, tmp_path / "git")
    clone, secrets = fill(playbooks, vault, tmp_path / "hosts")
    for name in [name for name in os.environ if name.startswith("HOMEPROD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOMEPROD_RING_KEY", str(key))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.delenv("SUDO_USER", raising=False)
    return PromotedSite(root, playbooks, clone, secrets, tmp_path / "hosts", capsys)

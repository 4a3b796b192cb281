from __future__ import annotations

from pathlib import Path

import pytest
from tests.app_repository import FIVE, TWO, AppRepository, make_files, make_repository


@pytest.fixture(autouse=True)
def _own_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of whoever runs the tests decides how git behaves; no site lies around either."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> AppRepository:
    """One host with two apps, pushed and not yet published."""
    return make_repository(tmp_path, make_files("box", *TWO))


@pytest.fixture
def big_home(tmp_path: Path) -> AppRepository:
    """The same with five apps."""
    return make_repository(tmp_path, make_files("box", *FIVE))

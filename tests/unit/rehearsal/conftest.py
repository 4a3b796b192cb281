"""A home of the tests' own, and labs below its folder, all gone at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.rehearsal.home import Home, make_home

from homeprod.lab.folder import list_labs
from homeprod.lab.life import take_down


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("SUDO_USER", "HOMEPROD_RING_KEY", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    yield make_home(tmp_path)
    for lab in list_labs():
        if not lab.read_spec().boot:
            take_down(lab, lambda _: None, removes_disks=True, limit=1)

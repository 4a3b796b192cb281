"""Labs of the tests' own: their folders below tmp_path, everything that they started gone at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeprod.cli.main import main
from homeprod.lab.folder import list_labs
from homeprod.lab.life import take_down

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line, in a folder without a site."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SUDO_USER", raising=False)
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    yield lambda *arguments: main(arguments)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for lab in list_labs():
        if not lab.read_spec().boot:
            take_down(lab, lambda _: None, removes_disks=True, limit=1)

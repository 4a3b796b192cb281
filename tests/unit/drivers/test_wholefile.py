"""Files written whole."""

from __future__ import annotations

import stat
from pathlib import Path

from homeprod.control.install import PROGRAMS
from homeprod.drivers.wholefile import write_whole


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "below" / "unlock"
    write_whole(file, "old\n", 0o600)
    write_whole(file, PROGRAMS["unlock"], 0o755)
    assert file.read_text() == PROGRAMS["unlock"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert [entry.name for entry in file.parent.iterdir()] == ["unlock"]

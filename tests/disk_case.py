"""Disks that hold something, as small case files: the blocks that are not zero, of what a real tool wrote.

``tests/cases/disks/make.py`` made them; the tests need none of the tools.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CASES = Path(__file__).parent / "cases" / "disks"
BLOCK = 4096
SERIAL = "docs"
"""The serial that the cases' decisions are for."""


@dataclass(frozen=True)
class DiskCase:
    """``decision`` is what the data-disk script must do with it, ``says`` what its error must name, ``made`` how it
    came to be. ``runs`` maps offsets to bytes."""

    name: str
    size: int
    decision: Literal["keep", "format", "refuse"]
    says: str
    made: str
    runs: dict[int, bytes]

    @classmethod
    def read(cls, name: str) -> DiskCase:
        data = json.loads((CASES / f"{name}.json").read_text())
        runs = {int(offset): zlib.decompress(base64.b64decode(text)) for offset, text in data.pop("runs").items()}
        return cls(name=name, runs=runs, **data)

    def write(self) -> None:
        """Keep the case as a file."""
        runs = {str(offset): base64.b64encode(zlib.compress(run, 9)).decode() for offset, run in self.runs.items()}
        known = {"size": self.size, "decision": self.decision, "says": self.says, "made": self.made, "runs": runs}
        (CASES / f"{self.name}.json").write_text(json.dumps(known, indent=1) + "\n")

    def fill(self, file: Path) -> Path:
        """Make ``file`` the disk, sparse."""
        with file.open("wb") as disk:
            disk.truncate(self.size)
            for offset, run in self.runs.items():
                disk.seek(offset)
                disk.write(run)
        return file


def list_cases() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.json"))


def read_runs(file: Path) -> dict[int, bytes]:
    """The runs of blocks in ``file`` that are not all zero."""
    runs: dict[int, bytes] = {}
    end = -1
    with file.open("rb") as disk:
        for offset in range(0, file.stat().st_size, BLOCK):
            block = disk.read(BLOCK)
            if not block.strip(b"\0"):
                continue
            start = next(reversed(runs)) if end == offset else offset
            runs[start] = runs.get(start, b"") + block
            end = offset + len(block)
    return runs

"""The documentation's pictures of the example are those that would be drawn now."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_documentation_has_what_would_be_drawn() -> None:
    """`make docs` writes it."""
    pictures = dict(runpy.run_path(str(ROOT / "docs" / "generate" / "pictures.py"))["draw_pictures"]())
    assert sorted(file.name for file in pictures) == [
        *("network-narrow.svg", "network.svg", "provisioning-narrow.svg", "provisioning.svg")
    ]
    assert [file.name for file, picture in pictures.items() if file.read_text(encoding="utf-8") != picture] == []

"""The doorbell's reference is made from the tables that the door answers by."""

from __future__ import annotations

import runpy
from pathlib import Path

from homeprod.core.refusal import Refusal

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_would_be_generated() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "generate" / "doorbell.py"))
    assert (ROOT / "docs" / "reference" / "doorbell.md").read_text(encoding="utf-8") == script["render_page"](), (
        "make docs"
    )


def test_every_refusal_stands_for_itself() -> None:
    assert len({refusal.meaning for refusal in Refusal}) == len(Refusal)

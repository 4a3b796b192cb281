"""Write docs/states.svg, and the diagram in docs/concepts/control-node.md, from the table of moves (`make docs`)."""

from __future__ import annotations

import re
from pathlib import Path

from homeprod.control.drawing import draw_mermaid, draw_svg

DOCS = Path(__file__).parents[1]
PICTURE = DOCS / "states.svg"
PAGE = DOCS / "concepts" / "control-node.md"


def fill_page(page: str) -> str:
    """The page with the one mermaid block that it has drawn anew."""
    return re.sub(r"(?s)```mermaid\n.*?```", lambda _: f"```mermaid\n{draw_mermaid()}\n```", page)


if __name__ == "__main__":
    PICTURE.write_text(draw_svg(), encoding="utf-8")
    PAGE.write_text(fill_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

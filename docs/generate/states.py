"""Write docs/pictures/states.svg, and the diagram in docs/concepts/control-node.md, from the table of moves (`make
docs`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from homeprod.diagram.states import draw_mermaid, lay_states
from homeprod.diagram.svg import draw_svg

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "concepts" / "control-node.md"


def draw_pictures() -> Iterator[tuple[Path, str]]:
    yield DOCS / "pictures" / "states.svg", draw_svg(lay_states())
    yield DOCS / "pictures" / "states-narrow.svg", draw_svg(lay_states(1))


def fill_page(page: str) -> str:
    """The page with the one mermaid block that it has drawn anew."""
    return re.sub(r"(?s)```mermaid\n.*?```", lambda _: f"```mermaid\n{draw_mermaid()}\n```", page)


if __name__ == "__main__":
    for file, picture in draw_pictures():
        file.parent.mkdir(exist_ok=True)
        file.write_text(picture, encoding="utf-8")
    PAGE.write_text(fill_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""Write docs/pictures from examples/pegasus (`make docs`): each picture wide, and narrow for a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from homeprod.cli.diagram import draw
from homeprod.site.loader import load_site

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"


def draw_pictures() -> Iterator[tuple[Path, str]]:
    site = load_site(ROOT / "examples" / "pegasus")
    for subject in ("network", "provisioning"):
        yield PICTURES / f"{subject}.svg", draw(site, subject, "svg", 2)
        yield PICTURES / f"{subject}-narrow.svg", draw(site, subject, "svg", 1)


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for file, picture in draw_pictures():
        file.write_text(picture, encoding="utf-8")

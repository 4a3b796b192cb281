"""docs/README.md leads to every page, and every link of a page leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")


def list_links(page: Path) -> list[Path]:
    return [(page.parent / target).resolve() for target in LINK.findall(page.read_text(encoding="utf-8"))]


def test_the_index_has_every_page_but_the_decisions_once() -> None:
    pages = {page for page in DOCS.rglob("*.md") if page.parent.name != "decisions"} - {DOCS / "README.md"}
    linked = [page for page in list_links(DOCS / "README.md") if page in pages]
    assert sorted(linked) == sorted(pages)


def test_every_link_leads_to_a_file() -> None:
    pages = [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]
    lost = [f"{page.relative_to(DOCS.parent)}: {to}" for page in pages for to in list_links(page) if not to.exists()]
    assert lost == []

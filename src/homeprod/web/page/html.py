"""The page as HTML: whatever a value holds, it is words and never markup."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from homeprod.core.overview.age import tell_age, tell_moment
from homeprod.web.page.columns import lay_table
from homeprod.web.page.look import Look

_PACKAGE = "homeprod.web.page"


def render_page(look: Look) -> str:
    headings, rows = lay_table(look)
    return _load().get_template("page.html.j2").render(look=look, headings=headings, rows=rows)


def render_stranger(sentence: str, command: str = "") -> str:
    """For somebody whom the node does not know: what to do, and nothing of what there is."""
    return _load().get_template("stranger.html.j2").render(sentence=sentence, command=command)


@lru_cache
def read_style() -> str:
    return files(_PACKAGE).joinpath("templates/page.css").read_text(encoding="utf-8")


@lru_cache
def _load() -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(age=tell_age, moment=tell_moment, iso=_write_iso)
    return environment


def _write_iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%MZ")

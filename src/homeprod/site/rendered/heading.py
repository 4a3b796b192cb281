"""The first line of a rendered file: who wrote it from what, so that nobody else's is ever overwritten."""

from __future__ import annotations

import re

from homeprod.site.site import Site

_HEADING = re.compile(r"(?:# |<!-- )Written by `homeprod render` from \S+ of the site ([0-9a-f-]{36});")


def write_heading(site: Site, source: str) -> str:
    """As ``source`` is called in the site's folder."""
    return f"# Written by `homeprod render` from {source} of the site {site.config.id}; change that instead.\n"


def find_owner(text: str) -> str:
    """The id of the site that the file was rendered from; empty where somebody else wrote it."""
    found = _HEADING.match(text)
    return found[1] if found else ""

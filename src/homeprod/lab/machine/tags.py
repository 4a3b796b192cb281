"""Tags as each release stores them."""

from __future__ import annotations

from homeprod.lab.api.formats import split_list
from homeprod.lab.api.schema import Release


def store_tags(text: str, release: Release) -> str:
    """9.x lower-cases, sorts and removes doubles on write; 8.4 keeps what was sent."""
    if release < (9, 0):
        return text
    return ";".join(sorted({tag.lower() for tag in split_list(text)}))

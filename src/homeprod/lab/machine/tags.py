"""Tags as each release stores them."""

from __future__ import annotations

from homeprod.lab.api.formats import split_list
from homeprod.lab.api.schema import Release


def store_tags(text: str, release: Release, *, is_new: bool) -> str:
    """Lower-cased, sorted, without doubles; but 8.4 keeps what the creating call (``is_new``) sent."""
    if is_new and release < (9, 0):
        return text
    return ";".join(sorted({tag.lower() for tag in split_list(text)}))

"""Tags: ``lab;prod``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from homeprod.drivers.proxmox.forms.form import NEWEST, Release


def parse_tags(text: str) -> frozenset[str]:
    """Separated by ``;``, ``,`` or white space, as split_list does; the case is kept."""
    return frozenset(part for part in re.split(r"[,;\s\0]+", text) if part)


def normalise_tags(tags: Iterable[str], release: Release = NEWEST) -> frozenset[str]:
    """What Proxmox stores for these: 9 lower-cases them (unless the data centre's tag-style says otherwise), 8.4
    keeps them as sent."""
    return frozenset(tag.lower() for tag in tags) if release >= (9, 0) else frozenset(tags)


def print_tags(tags: Iterable[str]) -> str:
    return ";".join(sorted(set(tags)))

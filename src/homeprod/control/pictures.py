"""Pictures that `homeprod render` wrote into the playbook repository, read at a head that was believed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FOLDER = "site/pictures"
MOST_BYTES = 512 * 1024
"""Of a picture; a larger one is not shown."""
_NAME = re.compile(r"[a-z]{1,40}(-narrow)?\.svg")


def list_pictures(trees: Iterable[Path]) -> dict[str, Path]:
    """By name; each of the first tree that has it."""
    found: dict[str, Path] = {}
    for tree in trees:
        for file in sorted((tree / FOLDER).glob("*.svg")):
            if _NAME.fullmatch(file.name) and file.is_file() and file.stat().st_size <= MOST_BYTES:
                found.setdefault(file.name, file)
    return found

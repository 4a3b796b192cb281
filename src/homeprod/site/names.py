"""Where a site is and what its modules are called, by file names alone: none of its code is run."""

from __future__ import annotations

import re
from pathlib import Path

from homeprod.core.errors import UsageError


def find_root(start: Path) -> Path:
    """The nearest folder with ``modules/_config.py``, from ``start`` upward; raises UsageError."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / "modules" / "_config.py").is_file():
            return folder
    raise UsageError(
        "no site here: no folder with modules/_config.py, from here upward",
        where=str(start.resolve()),
        hint="name one with --site DIR, or make one:\n\n  homeprod init DIR",
    )


def name_of(module: str) -> str | None:
    """The machine's name by its module's (``lab_coder_vm`` → ``lab-coder``); None where it names no machine."""
    found = re.fullmatch(r"([a-z][a-z0-9_]*)_vm", module)
    return found[1].replace("_", "-") if found else None


def list_names(root: Path) -> list[str]:
    """The names of the site's machines, data VMs included."""
    names = (name_of(file.stem) for file in sorted((root / "modules").glob("*.py")))
    return [name for name in names if name is not None]

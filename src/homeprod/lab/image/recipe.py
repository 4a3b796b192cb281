"""What an image is made of, and the hash that names the result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError

FORMAT = 2
"""Raised when ``build.py`` or ``disk.py`` come to make another disk from the same recipe."""
_RECIPES = {"debian-13": ("trixie", "debian_13")}


@dataclass(frozen=True, slots=True)
class Recipe:
    """``folder`` holds packages.txt, the hooks essential.sh and customize.sh, and files/ that are copied into
    the tree as they are."""

    name: str
    suite: str
    folder: Path

    @property
    def packages(self) -> tuple[str, ...]:
        lines = (self.folder / "packages.txt").read_text().splitlines()
        return tuple(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))

    @property
    def digest(self) -> str:
        """SHA-256 over everything that the image is made from, but for the versions of its packages: an image is
        as new as the day it was built."""
        total = hashlib.sha256(f"{FORMAT} {self.suite}".encode())
        for file in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"\n{file.relative_to(self.folder).as_posix()} {content}".encode())
        return total.hexdigest()

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.digest[:16]}.qcow2"


def find_recipe(name: str) -> Recipe:
    """Raises LabError for a name that is no recipe."""
    known = _RECIPES.get(name)
    if known is None:
        raise LabError(f"no recipe for an image named {name}", hint=f"known: {', '.join(sorted(_RECIPES))}")
    suite, folder = known
    return Recipe(name, suite, Path(__file__).parent / folder)

"""Clue: by what a rule's line is found in the rendered site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clue:
    """``steps`` are whole lines of ``file``, each behind the one before it; the last is the rule's own. How far in
    they stand is nothing."""

    file: str
    steps: tuple[str, ...]

    def find(self, files: Mapping[str, str]) -> int | None:
        """The number of the rule's line, counted from 1. None where the file has no such line."""
        lines = [line.strip() for line in files.get(self.file, "").splitlines()]
        at = 0
        for step in self.steps:
            try:
                at = lines.index(step.strip(), at) + 1
            except ValueError:
                return None
        return at or None

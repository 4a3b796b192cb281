"""Diagnostic: one mistake in what a person wrote, with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homeprod.core.errors import HomeprodError


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """``file`` is relative to the site's folder, ``line`` counts from 1. Sorts by file, then line."""

    file: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class SiteError(HomeprodError):
    """The site's definition is wrong; ``diagnostics`` holds every mistake found, sorted."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(set(diagnostics)))
        count = len(self.diagnostics)
        super().__init__(f"the site has {count} mistake{'s' * (count != 1)}", hint="nothing was touched; mend them")

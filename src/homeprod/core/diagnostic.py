"""Diagnostic: one mistake in what a person wrote, with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homeprod.core.errors import HomeprodError


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """``file`` is relative to the site's folder, or the app repository's; ``line`` counts from 1. Sorts by file, then
    line."""

    file: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class MistakesError(HomeprodError):
    """What a person wrote is wrong; ``diagnostics`` holds every mistake found, sorted."""

    whole = "what was written"
    """What has the mistakes, in a person's words."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(set(diagnostics)))
        count = len(self.diagnostics)
        super().__init__(
            f"{self.whole} has {count} mistake{'s' * (count != 1)}", hint="nothing was touched; mend them"
        )


class SiteError(MistakesError):
    """The site's definition is wrong."""

    whole = "the site"


class WrongAppsError(MistakesError):
    """The app repository is wrong."""

    whole = "the app repository"

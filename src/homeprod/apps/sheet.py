"""Sheet: all that is found wrong, or worth knowing, so that it is told at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from homeprod.core.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Place:
    """``file`` relative to the repository; ``line`` from 1."""

    file: str
    line: int = 1


@dataclass(slots=True)
class Sheet:
    """``mistakes`` keep a repository from being published; ``notes`` are worth knowing, and no mistake."""

    mistakes: list[Diagnostic] = field(default_factory=list)
    notes: list[Diagnostic] = field(default_factory=list)

    def refuse(self, place: Place, message: str, hint: str = "") -> None:
        self.mistakes.append(Diagnostic(place.file, place.line, message, hint))

    def note(self, place: Place, message: str, hint: str = "") -> None:
        self.notes.append(Diagnostic(place.file, place.line, message, hint))

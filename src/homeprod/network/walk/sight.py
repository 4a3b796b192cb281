"""Sight: one thing that the table says, and what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from homeprod.network.way import HopKind, Way

Verdict = Literal["as said", "differs", "not asked", "shown"]
Question = Literal["dns", "connection", "certificate", "proxy", "answer"]


@dataclass(frozen=True, slots=True)
class Sight:
    """``said`` is the table's side. ``seen`` is what came, or why nothing could be asked. What is only ``shown`` is
    nothing that the table speaks of. ``advice`` is where to look, where it differs."""

    question: Question
    verdict: Verdict
    said: str
    seen: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the way was entered: all that lies behind is seen through it. ``address`` is None for what the site knows
    none of."""

    kind: HopKind
    name: str
    address: str | None
    port: int | None
    sights: tuple[Sight, ...]
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """``stops`` are in the order of the way, so the last that differs is the one to look at first."""

    way: Way
    stops: tuple[Stop, ...]

    def count(self, verdict: Verdict) -> int:
        return sum(sight.verdict == verdict for stop in self.stops for sight in stop.sights)

    @property
    def verdict(self) -> Verdict:
        """``not asked`` where nothing at all could be compared, ``shown`` where there was nothing to compare."""
        order: tuple[Verdict, ...] = ("differs", "as said", "not asked")
        return next((verdict for verdict in order if self.count(verdict)), "shown")

    def find_first(self) -> tuple[Stop, Sight] | None:
        """What to look at first: the earliest that differs where the way was entered last."""
        for stop in reversed(self.stops):
            for sight in stop.sights:
                if sight.verdict == "differs":
                    return stop, sight
        return None

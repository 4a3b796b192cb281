"""A certificate's life: when its successor is due, and when a person is to be warned.

Lifetimes shrink (CA/Browser Forum ballot SC-081: 47 days at the end), so nothing here is a number of days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Life:
    """From ``first`` to ``last``, both with their time zone."""

    first: datetime
    last: datetime

    @property
    def length(self) -> timedelta:
        return self.last - self.first

    def find_renewal(self, suggested: datetime | None = None) -> datetime:
        """When its successor is due: as its authority suggests (RFC 9773, section 4.2), but never after its end; else
        at two thirds."""
        return min(suggested, self.last) if suggested is not None else self.first + self.length * 2 / 3

    def find_rest(self, now: datetime) -> timedelta:
        """Below zero where it is over."""
        return self.last - now

    def is_low(self, now: datetime) -> bool:
        """Less than a third is left: a renewal was due, and did not come."""
        return self.find_rest(now) < self.length / 3

"""Window: the hours of a day in which runs that nobody asked for may begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class UnknownZoneError(Exception):
    """This machine knows no such time zone."""


@dataclass(frozen=True, slots=True)
class Window:
    """From ``begin`` to before ``end``, over midnight where ``end`` is the earlier one."""

    begin: time
    end: time
    zone: tzinfo

    @classmethod
    def read(cls, text: str, zone: str) -> Window:
        """``22:00-04:30``. Raises UnknownZoneError."""
        begin, _, end = text.partition("-")
        try:
            return cls(time.fromisoformat(begin), time.fromisoformat(end), ZoneInfo(zone) if zone else UTC)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UnknownZoneError(zone) from error

    def is_open(self, at: float) -> bool:
        """At so many seconds since 1970."""
        hour = datetime.fromtimestamp(at, self.zone).time()
        if self.begin < self.end:
            return self.begin <= hour < self.end
        return hour >= self.begin or hour < self.end

    def find_opening(self, at: float) -> float:
        """When it opens next, ``at`` itself where it is open. On a day whose clock skips it, it does not."""
        if self.is_open(at):
            return at
        today = datetime.fromtimestamp(at, self.zone).date()
        days = (today + timedelta(days=number) for number in range(9))
        openings = (datetime.combine(day, self.begin, self.zone).timestamp() for day in days)
        return next(one for one in openings if one > at and self.is_open(one))

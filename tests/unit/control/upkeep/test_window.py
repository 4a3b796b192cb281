"""Windows: hours of a place whose clocks are moved twice a year."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from homeprod.control.upkeep.window import UnknownZoneError, Window

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("window", "hour", "is_open"),
    [
        ("02:00-05:00", "2026-01-10 01:59:59", False),
        ("02:00-05:00", "2026-01-10 02:00:00", True),
        ("02:00-05:00", "2026-01-10 04:59:59", True),
        ("02:00-05:00", "2026-01-10 05:00:00", False),
        ("22:00-04:30", "2026-01-10 23:00:00", True),
        ("22:00-04:30", "2026-01-10 04:29:00", True),
        ("22:00-04:30", "2026-01-10 12:00:00", False),
        ("02:00-05:00", "2026-07-10 02:30:00", True),
    ],
)
def test_it_is_open_from_its_begin_to_before_its_end(window: str, hour: str, is_open: bool) -> None:
    assert Window.read(window, "Europe/Berlin").is_open(at(hour)) is is_open


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        ("02:00-05:00", "2026-01-10 12:00:00", "2026-01-11 02:00:00"),
        ("02:00-05:00", "2026-01-10 01:00:00", "2026-01-10 02:00:00"),
        ("02:00-05:00", "2026-01-10 03:00:00", "2026-01-10 03:00:00"),
        ("22:00-04:30", "2026-01-10 05:00:00", "2026-01-10 22:00:00"),
        ("02:00-05:00", "2026-03-28 12:00:00", "2026-03-29 03:00:00"),  # 2 o'clock is skipped: open from 3 on
        ("02:00-03:00", "2026-03-28 12:00:00", "2026-03-30 02:00:00"),  # all of it is skipped that day
    ],
)
def test_when_it_opens_next(window: str, now: str, opens: str) -> None:
    found = Window.read(window, "Europe/Berlin").find_opening(at(now))
    assert datetime.fromtimestamp(found, BERLIN) == datetime.fromtimestamp(at(opens), BERLIN)


def test_without_a_zone_hours_are_utc_and_an_unknown_one_is_said() -> None:
    assert Window.read("02:00-05:00", "").is_open(datetime(2026, 1, 1, 2, 0, tzinfo=UTC).timestamp())
    for zone in ("Mars/Olympus", "../etc/passwd"):
        with pytest.raises(UnknownZoneError):
            Window.read("02:00-05:00", zone)

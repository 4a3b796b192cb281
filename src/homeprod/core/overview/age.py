"""Ages and moments in words, for people."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def tell_age(seconds: float) -> str:
    """``40 s``, ``5 min``, ``3 h``, ``12 d``; a clock that was set back makes nothing younger than now."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"


def tell_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def count_days(seconds: float) -> int:
    """Whole ones; below zero where it is over."""
    return int(seconds // 86_400)

"""Likeness: a name that nobody knows, and the one that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def suggest(name: str, known: Iterable[str]) -> str:
    """``is NAME meant?`` with the nearest of those that are known; empty where none is near."""
    from difflib import get_close_matches  # late: only an error needs it, and --help is quick

    close = get_close_matches(name, known, 1)
    return f"is {close[0]} meant?" if close else ""

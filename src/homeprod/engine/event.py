"""Event: what an apply tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from homeprod.core.address import Address


class Stage(Enum):
    """Of one change."""

    BEGUN = "begun"
    SAID = "said"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CUT_OFF = "cut off"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Event:
    """``text`` is a task's own words, or ours. ``action`` names the change."""

    stage: Stage
    address: Address
    action: str
    text: str = ""


Listener = Callable[[Event], None]
"""Called from several threads, one call at a time."""

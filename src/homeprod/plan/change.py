"""Change: one resource's difference, and the Action that would end it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from homeprod.core.address import Address
from homeprod.plan.config import Value


class Action(Enum):
    """What would be done; the value is the sign that a person sees."""

    CREATE = "+"
    UPDATE = "~"
    REPLACE = "±"
    DELETE = "-"
    FINISH = ">"
    ADOPT = "="


class Effect(Enum):
    """When a changed attribute takes effect."""

    LIVE = "live"
    COLD_START = "after a cold start"
    REPLACEMENT = "by replacement"
    RECREATION = "on re-creation"


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute, old and new; ``old`` is None where it was not set."""

    attribute: str
    old: Value | None
    new: Value | None
    effect: Effect


@dataclass(frozen=True, slots=True)
class Change:
    """``why`` says in a few words what made it necessary."""

    action: Action
    address: Address
    vmid: int
    differences: tuple[Difference, ...] = ()
    why: str = ""

"""Change: one resource's difference, and the Action that would end it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from homeprod.core.address import Address
from homeprod.plan.config import Value


class Action(Enum):
    """What would be done; ``sign`` is what a person sees in front of it."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    START = "start"
    COLD_START = "cold start"
    FINISH = "finish"
    ADOPT = "adopt"

    @property
    def sign(self) -> str:
        return _SIGNS[self]


_SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "±",
    Action.DELETE: "-",
    Action.START: ">",
    Action.COLD_START: ">",
    Action.FINISH: ">",
    Action.ADOPT: "=",
}


class Effect(Enum):
    """When a changed attribute takes effect."""

    LIVE = "live"
    COLD_START = "after a cold start"
    REPLACEMENT = "by replacement"
    RECREATION = "on re-creation"


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute, old and new; ``old`` is None where it was not set, ``new`` where it is taken away."""

    attribute: str
    old: Value | None
    new: Value | None
    effect: Effect

    @property
    def waits(self) -> bool:
        """Whether it is in force only after a cold start."""
        return self.effect is Effect.COLD_START


@dataclass(frozen=True, slots=True)
class Change:
    """``why`` says in a few words what made it necessary. ``vmid`` is 0 for what is no machine; ``volume`` is that of
    an image or ISO. ``instance`` is the nonce that the machine has, or will be made with. ``waits`` are the
    attributes that a cold start brings into force."""

    action: Action
    address: Address
    node: str
    vmid: int = 0
    differences: tuple[Difference, ...] = ()
    why: str = ""
    volume: str = ""
    instance: str = ""
    waits: tuple[str, ...] = ()

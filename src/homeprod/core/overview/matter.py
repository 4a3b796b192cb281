"""Matter: something that needs a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_NAMED = 8
PROXMOX, BACKUPS = "Proxmox", "backups"


@dataclass(frozen=True, slots=True)
class Matter:
    """``command`` is what a person types next; empty where there is none to name.

    The rest is for somebody who does not look, and is told by a notice. ``about`` names it in every look, whatever
    its words are then; ``names`` is what of it is worth telling again where it changes. ``source`` is who has to be
    seen before its absence means that it is over. ``since`` is in seconds since 1970, None where nobody knows, and
    for ``patience`` seconds it may well pass by itself. ``brief`` is the text without words that come from a machine,
    where there are any.
    """

    text: str
    command: str = ""
    about: str = field(default="", compare=False)
    source: str = field(default=PROXMOX, compare=False)
    names: tuple[str, ...] = field(default=(), compare=False)
    since: float | None = field(default=None, compare=False)
    patience: float = field(default=0.0, compare=False)
    brief: str = field(default="", compare=False)


def name_some(names: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    known = list(names)
    more = len(known) - _NAMED
    return ", ".join(known) if more <= 1 else f"{', '.join(known[:_NAMED])} and {more} more"


def count_things(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def name_hosts(node: str) -> str:
    """The source of what a node says of its hosts, to those alone who can sign."""
    return f"{node}, of its hosts"

"""Choice: which rule of a table nginx finds a name by, and why not by the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from homeprod.core.hostname import NamePattern, pick

T = TypeVar("T")
By = Literal["exact", "wildcard", "default"]


@dataclass(frozen=True, slots=True)
class Miss(Generic[T]):
    """A rule that was not taken. ``is_near`` tells those apart that a person may have expected to be."""

    pattern: NamePattern
    owner: T
    why: str
    is_near: bool


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """``name`` as nginx compared it. ``owner`` and ``pattern`` are None where no rule has the name, so that the
    default gets it."""

    name: str
    by: By
    pattern: NamePattern | None
    owner: T | None
    misses: tuple[Miss[T], ...]


def choose(rules: Iterable[tuple[NamePattern, T]], name: str) -> Choice[T]:
    """In nginx's own order: the exact name, the longest wildcard, the default. ``name`` is folded already."""
    table = list(rules)
    pattern = pick((pattern for pattern, _ in table), name)
    owner = next((owner for one, owner in table if one == pattern), None)
    by: By = "default" if pattern is None else "wildcard" if pattern.is_wildcard else "exact"
    others = [(one, other) for one, other in table if one != pattern]
    return Choice(name, by, pattern, owner, tuple(_explain(one, other, name, pattern) for one, other in others))


def _explain(pattern: NamePattern, owner: T, name: str, chosen: NamePattern | None) -> Miss[T]:
    if pattern.matches(name) and chosen is not None:
        is_exact = not chosen.is_wildcard
        why = "an exact name comes before a wildcard" if is_exact else f"{chosen} is longer, and the longest is taken"
        return Miss(pattern, owner, why, is_near=True)
    if pattern.is_wildcard and name == pattern.zone:
        return Miss(pattern, owner, f"it stands for names below {name}, and not for {name} itself", is_near=True)
    if pattern.is_wildcard:
        return Miss(pattern, owner, f"the name does not end with {pattern[1:]}", is_near=False)
    if name and chosen is None and name.endswith(f".{pattern}"):
        return Miss(pattern, owner, f"it stands for {pattern} alone, and not for names below", is_near=True)
    if name and chosen is None and pattern.endswith(f".{name}"):
        return Miss(pattern, owner, f"it stands for {pattern} alone, which is below {name}", is_near=True)
    return Miss(pattern, owner, "it is another name", is_near=False)

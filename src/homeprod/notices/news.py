"""News: what somebody has not been told yet, of what needs a person now. Pure.

By level, not by event: what is now is held against what each target was told last. So nothing is lost where a target
could not be reached for a while, and nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homeprod.core.overview.matter import Matter

MOST_KEPT = 500
"""Matters that are known of one target, at most."""


@dataclass(frozen=True, slots=True)
class Told:
    """A matter as a target was told of it: ``words`` may go to anybody; with other ``names`` it is told again."""

    source: str
    words: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class First:
    """``at`` is when a matter was seen first, in seconds since 1970."""

    source: str
    at: float


@dataclass(frozen=True, slots=True)
class Known:
    """Of one target: what it was told of and is not over, and what it should have been told, but was not reached."""

    told: Mapping[str, Told]
    missed: Mapping[str, Told]


@dataclass(frozen=True, slots=True)
class News:
    """``over`` and ``passed`` are words: what was told of and is over, what came and went unheard. ``standing``
    counts what was told before and goes on."""

    new: tuple[Matter, ...] = ()
    changed: tuple[Matter, ...] = ()
    over: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    standing: int = 0

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.over or self.passed)


@dataclass(frozen=True, slots=True)
class Sight:
    """One look. ``present`` is by key (:func:`make_sight`), the most pressing first. ``seen`` are the sources that
    could be asked, ``possible`` those that there are, None where nobody knows: of one that is no more, nothing is
    left to see to. ``now`` is seconds since 1970."""

    present: Mapping[str, Matter]
    seen: frozenset[str]
    possible: frozenset[str] | None
    now: float

    def is_gone(self, key: str, source: str) -> bool:
        """Whether it is known to be over: what could not be asked is as it was."""
        is_no_more = self.possible is not None and source not in self.possible
        return key not in self.present and (source in self.seen or is_no_more)


def make_sight(matters: Iterable[Matter], seen: Iterable[str], possible: Iterable[str] | None, now: float) -> Sight:
    present: dict[str, Matter] = {}
    for matter in matters:
        if len(present) < MOST_KEPT:
            present.setdefault(f"{matter.source}: {matter.about or matter.text}", matter)
    return Sight(present, frozenset(seen), None if possible is None else frozenset(possible), now)


def note_first(first: Mapping[str, First], sight: Sight) -> dict[str, First]:
    """When each matter was seen first. A clock that was set back makes nothing older than it is."""
    kept = {key: one for key, one in first.items() if not sight.is_gone(key, one.source) and one.at <= sight.now}
    return {**kept, **{key: kept.get(key, First(one.source, sight.now)) for key, one in sight.present.items()}}


def list_due(sight: Sight, first: Mapping[str, First]) -> dict[str, Matter]:
    """Those that have lasted long enough to be worth a person's time, the most pressing first."""
    due = {}
    for key, matter in sight.present.items():
        began = first[key].at if matter.since is None else matter.since
        if sight.now - began >= matter.patience:
            due[key] = matter
    return due


def find_news(known: Known, sight: Sight, due: Mapping[str, Matter]) -> News:
    new = [matter for key, matter in due.items() if key not in known.told]
    changed = [matter for key, matter in due.items() if key in known.told and known.told[key].names != matter.names]
    over = [one.words for key, one in known.told.items() if sight.is_gone(key, one.source)]
    passed = [one.words for key, one in known.missed.items() if sight.is_gone(key, one.source)]
    standing = sum(not sight.is_gone(key, one.source) for key, one in known.told.items()) - len(changed)
    return News(tuple(new), tuple(changed), tuple(over), tuple(passed), standing)


def learn(known: Known, sight: Sight, due: Mapping[str, Matter], *, was_reached: bool) -> Known:
    """What the target knows after it was told of the news, or was not reached."""
    if not was_reached:
        missed = {key: _tell(matter) for key, matter in due.items() if key not in known.told}
        return Known(known.told, _cut({**known.missed, **missed}))
    kept = {key: one for key, one in known.told.items() if not sight.is_gone(key, one.source)}
    return Known(_cut({**kept, **{key: _tell(matter) for key, matter in due.items()}}), {})


def _tell(matter: Matter) -> Told:
    return Told(matter.source, matter.brief or matter.text, matter.names)


def _cut(known: Mapping[str, Told]) -> dict[str, Told]:
    return dict([*known.items()][-MOST_KEPT:])

"""Which hosts a change touches, and why."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.promotion.closure import EVERYTHING, Closure, Revision, find_closures


@dataclass(frozen=True, slots=True)
class Affected:
    """A host whose run may do something else at the later revision. ``before`` and ``after`` are digests of its
    inputs, None where the host is not in that revision; ``why`` names the inputs that differ, ``doubts`` what could
    not be followed, so that everything counts."""

    host: str
    environment: str
    before: str | None
    after: str | None
    why: tuple[str, ...]
    doubts: tuple[str, ...] = ()


def find_affected(before: Revision, after: Revision) -> list[Affected]:
    """By name. Raises UnreadableError where a revision has no inventory that can be read."""
    old, new = find_closures(before), find_closures(after)
    hosts = sorted({*old, *new})
    found = (_compare(host, old.get(host), new.get(host)) for host in hosts)
    return [one for one in found if one is not None]


def _compare(host: str, old: Closure | None, new: Closure | None) -> Affected | None:
    if new is None:
        assert old is not None  # noqa: S101 (it is in one of them)
        return Affected(host, old.environment, old.digest, None, ("it is not in the inventory any more",))
    if old is None:
        return Affected(host, new.environment, None, new.digest, ("it is new in the inventory",))
    if old.digest == new.digest:
        return None
    why = tuple(_list_differences(old, new))
    return Affected(host, new.environment, old.digest, new.digest, why, _list_doubts(old, new, why))


def _list_differences(old: Closure, new: Closure) -> list[str]:
    names = sorted({*old.inputs, *new.inputs})
    return [
        f"{name} {_name_change(old.inputs.get(name), new.inputs.get(name))}"
        for name in names
        if old.inputs.get(name) != new.inputs.get(name)
    ]


def _name_change(old: str | None, new: str | None) -> str:
    if old is None:
        return "is new"
    return "is gone" if new is None else "is changed"


def _list_doubts(old: Closure, new: Closure, why: tuple[str, ...]) -> tuple[str, ...]:
    """Where they are why the host is listed at all."""
    if any(not one.startswith(EVERYTHING) for one in why):
        return ()
    return tuple(dict.fromkeys(map(str, [*new.doubts, *old.doubts])))

"""Which hosts a change touches, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.promotion.closure import EVERYTHING, INVENTORY, VAULT, Closure, Revision, find_closures
from homeprod.promotion.role import OURS

COUNTS_NOW = f"{EVERYTHING} counts now, and did not before"
COUNTED_BEFORE = f"{EVERYTHING} counted before, and does not now"


@dataclass(frozen=True, slots=True)
class Affected:
    """A host whose run may do something else at the later revision. ``before`` and ``after`` are digests of its
    inputs, None where the host is not in that revision. ``why`` names the inputs that differ; where everything is one
    of them it stands first, and ``doubts`` are what could not be followed, so that everything counts."""

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
    found = (_Comparison(before, after, old.get(host), new.get(host)).judge(host) for host in hosts)
    return [one for one in found if one is not None]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Of one host's closures, each with the revision that it is of."""

    before: Revision
    after: Revision
    old: Closure | None
    new: Closure | None

    def judge(self, host: str) -> Affected | None:
        old, new = self.old, self.new
        if new is None:
            assert old is not None  # noqa: S101 (it is in one of them)
            return Affected(host, old.environment, old.digest, None, ("it is not in the inventory any more",))
        if old is None:
            return Affected(host, new.environment, None, new.digest, ("it is new in the inventory",))
        if old.digest == new.digest:
            return None
        why = (*_compare_everything(old, new), *self._list_differences(old, new))
        doubts = _list_doubts(old, new) if why[0].startswith(EVERYTHING) else ()
        return Affected(host, new.environment, old.digest, new.digest, why, doubts)

    def _list_differences(self, old: Closure, new: Closure) -> Iterator[str]:
        is_uneven = (EVERYTHING in old.inputs) != (EVERYTHING in new.inputs)
        is_uneven = is_uneven or bool(self.before.playbook.doubts) != bool(self.after.playbook.doubts)
        for name in sorted({*old.inputs, *new.inputs} - {EVERYTHING}):
            before, after = old.inputs.get(name), new.inputs.get(name)
            if before is not None and after is not None:
                if before != after:
                    yield f"{name} is changed"
            elif before is None and not (is_uneven and _is_there(name, self.after, self.before)):
                yield f"{name} is new"
            elif after is None and not (is_uneven and _is_there(name, self.before, self.after)):
                yield f"{name} is gone"


def _is_there(name: str, having: Revision, lacking: Revision) -> bool:
    """Whether what counts at one revision alone is at the other too: only because everything stands for it at one of
    them it is no input of its own there."""
    if name.startswith(VAULT):
        return lacking.vault is not None and lacking.vault.get(name.removeprefix(VAULT)) is not None
    if name.startswith(OURS):
        return lacking.collection.get(name.removeprefix(OURS)) is not None
    if name.startswith(f"{INVENTORY}: "):
        return name.removeprefix(f"{INVENTORY}: ") in lacking.inventories[""].own
    if having.playbooks.get(name) is not None:
        return lacking.playbooks.get(name) is not None
    return bool(lacking.playbook.doubts)  # a play: nobody knows them all there


def _compare_everything(old: Closure, new: Closure) -> tuple[str, ...]:
    before, after = old.inputs.get(EVERYTHING), new.inputs.get(EVERYTHING)
    if before == after:
        return ()
    if before is None:
        return (COUNTS_NOW,)
    return (COUNTED_BEFORE,) if after is None else (f"{EVERYTHING} is changed",)


def _list_doubts(old: Closure, new: Closure) -> tuple[str, ...]:
    """Those first that are new."""
    fresh = [one for one in new.doubts if one not in old.doubts]
    return tuple(dict.fromkeys(map(str, [*fresh, *new.doubts, *old.doubts])))

"""Judgement: what a rehearsal saw of one machine, and whether the revision is good for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from homeprod.rehearsal.runs import RunSeen

_SHOWN = 5
"""Tasks that are named in a reason."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a stand-in is: units of systemd that have failed, and expectations of the way in that do not hold, by their
    words, each with what is otherwise. ``trouble`` says why it could not be looked at."""

    failed_units: frozenset[str] = frozenset()
    broken_routes: dict[str, str] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one machine. ``base`` is the run at the environment's present revision, None for a host that this does not
    know; ``check`` asked what the revision would change; ``converge`` went to it, ``again`` repeated that. What was
    not come to is None."""

    base: RunSeen | None = None
    check: RunSeen | None = None
    converge: RunSeen | None = None
    again: RunSeen | None = None
    before: Look = field(default_factory=Look)
    after: Look | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``why`` is empty where it is green. ``notes`` say what is worth knowing, and counts as nothing."""

    is_green: bool
    why: tuple[str, ...]
    notes: tuple[str, ...]


def judge(seen: Seen) -> Verdict:
    """What was wrong before the revision came is no fault of it; what is wrong only now is."""
    why = tuple(_list_faults(seen))
    return Verdict(not why, why, tuple(_list_notes(seen)))


def _list_faults(seen: Seen) -> Iterator[str]:
    if seen.converge is None or not seen.converge.is_good:
        yield f"its run {_describe(seen.converge)}"
        return
    if seen.again is None or not seen.again.is_good:
        yield f"its run, repeated, {_describe(seen.again)}"
    elif seen.again.changed:
        yield f"its run, repeated, changed something again: {_list_tasks(seen.again)}"
    if seen.after is None:
        yield "it was not looked at afterwards"
        return
    if seen.after.trouble and not seen.before.trouble:
        yield f"it can be looked into no more: {seen.after.trouble}"
    for unit in sorted(seen.after.failed_units - seen.before.failed_units):
        yield f"the unit {unit} has failed"
    for route, problem in seen.after.broken_routes.items():
        if route not in seen.before.broken_routes:
            yield f"{route}: {problem}"


def _list_notes(seen: Seen) -> Iterator[str]:
    if seen.base is not None and not seen.base.is_good:
        yield f"at the present revision its run {_describe(seen.base)}, so it was tried as it was then"
    if seen.check is not None and not seen.check.is_good:
        yield f"check mode {_describe(seen.check)}"
    elif seen.check is not None:
        count = len(seen.check.tasks)
        told = f"{count} {'task' if count == 1 else 'tasks'}: {_list_tasks(seen.check)}" if count else "nothing"
        yield f"check mode foresaw {told}"
    if seen.after is None:
        return
    if seen.after.trouble and seen.before.trouble:
        yield f"it could not be looked into: {seen.after.trouble}"
    for unit in sorted(seen.after.failed_units & seen.before.failed_units):
        yield f"the unit {unit} had failed before, too"
    for route in seen.after.broken_routes:
        if route in seen.before.broken_routes:
            yield f"{route}: not as expected before, either"


def _describe(run: RunSeen | None) -> str:
    if run is None:
        return "was not come to"
    words = {"failed": "failed", "timeout": "took too long", "canceled": "was canceled", "late": "found it silent"}
    problem = run.problem.partition("\n")[0]
    return words.get(run.status, run.status) + (f": {problem}" if problem else "")


def _list_tasks(run: RunSeen) -> str:
    if not run.tasks:
        return f"{run.changed} {'task' if run.changed == 1 else 'tasks'}"
    more = len(run.tasks) - _SHOWN
    names = ", ".join(run.tasks[:_SHOWN])
    return f"{names} and {more} more" if more > 0 else names

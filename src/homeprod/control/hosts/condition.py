"""Condition: what checks found of a host, and since when."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from homeprod.control.hosts.host import RunStatus

RENEWAL = ("certificates", "Have them signed, where that is due")
"""The role and the task that differ where a certificate is due."""
_FIRST_WAIT, _LONGEST_WAIT = 3600.0, 86_400.0
"""Seconds until a renewal that brought nothing is tried again: longer each time. Public authorities count failures by
the hour."""


@dataclass(frozen=True, slots=True)
class DriftTask:
    """A task of the playbook that would change something. ``target`` is the file, user, package or unit that it is
    about, where its module says so; ``diff`` what would change, redacted, empty where there is none to show.
    ``since`` is seconds since 1970."""

    task: str
    role: str = ""
    target: str = ""
    diff: str = ""
    since: float = 0.0

    @property
    def name(self) -> str:
        """The same in two checks where it is the same task about the same thing, whatever it would change there."""
        return "\n".join((self.role, self.task, self.target))

    @property
    def is_renewal(self) -> bool:
        return (self.role.rpartition(".")[2], self.task) == RENEWAL


@dataclass(frozen=True, slots=True)
class Condition:
    """Times are seconds since 1970. ``due`` is when the host is asked of its own, None where the environment's next
    cycle does so; ``checked`` when it was last asked to its end, at ``revision``. ``more`` tasks differ beyond those
    kept. ``stubborn`` names tasks that a run did not put right: they are not idempotent. ``proves`` where the next
    check shows what a run brought. ``late`` is since when it was not reached, ``misses`` how often; ``problem`` says
    why it could not be asked to its end. ``renewal_at`` is when a certificate that is due is renewed, None where none
    is, or that goes on; ``renewals`` tries at it brought nothing, the last for ``renewal_problem``."""

    host: str
    due: float | None = None
    checked: float | None = None
    revision: str = ""
    drift: tuple[DriftTask, ...] = ()
    more: int = 0
    stubborn: frozenset[str] = frozenset()
    proves: bool = False
    late: float | None = None
    misses: int = 0
    problem: str = ""
    renewal_at: float | None = None
    renewals: int = 0
    renewal_problem: str = ""

    @property
    def has_drift(self) -> bool:
        return bool(self.drift)

    @property
    def needs_run(self) -> bool:
        """Whether anything differs that more than a renewal puts right."""
        return any(not one.is_renewal for one in self.drift)

    @property
    def drift_since(self) -> float | None:
        return min((one.since for one in self.drift), default=None)

    @property
    def is_stubborn(self) -> bool:
        """Whether a run would change nothing that was not changed in vain before."""
        return self.needs_run and {one.name for one in self.drift if not one.is_renewal} <= self.stubborn


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. ``is_whole`` where it went to its end."""

    status: RunStatus
    problem: str = ""
    drift: tuple[DriftTask, ...] = ()
    more: int = 0

    @property
    def is_whole(self) -> bool:
        return self.status is RunStatus.SUCCESSFUL


def learn(known: Condition, found: Finding, revision: str, now: float) -> Condition:
    """The condition after a check. One that was ended by us or a person says nothing."""
    if found.status is RunStatus.CANCELED:
        return known
    if found.status is RunStatus.LATE:
        late = now if known.late is None else known.late
        return replace(known, late=late, misses=known.misses + 1, problem=found.problem)
    reached = _learn_renewal(replace(known, late=None, misses=0, problem=found.problem), found, now)
    if not found.is_whole:
        return _learn_part(reached, known, found, now)
    stubborn = _learn_stubborn(known, frozenset(one.name for one in found.drift), revision)
    drift = _merge(known.drift, found.drift, now)
    return replace(
        reached, checked=now, revision=revision, drift=drift, more=found.more, stubborn=stubborn, proves=False
    )


def _learn_part(reached: Condition, known: Condition, found: Finding, now: float) -> Condition:
    """Of what lies behind the end of such a check nobody knows more than before: that it differs, or that a run has
    just set it."""
    drift = _merge(known.drift, found.drift, now)
    if known.proves:
        stubborn = known.stubborn | {one.name for one in drift}
        return replace(reached, drift=drift, more=0, stubborn=stubborn, proves=False)
    names = {one.name for one in drift}
    return replace(reached, drift=(*drift, *(one for one in known.drift if one.name not in names)))


def _learn_renewal(known: Condition, found: Finding, now: float) -> Condition:
    """A certificate that is due is renewed at once, and after tries in vain later."""
    if any(one.is_renewal for one in found.drift):
        if known.renewal_at is not None:
            return known
        wait = min(_FIRST_WAIT * 2 ** min(known.renewals - 1, 10), _LONGEST_WAIT) if known.renewals else 0.0
        return replace(known, renewal_at=now + wait)
    return replace(known, renewal_at=None, renewals=0, renewal_problem="") if found.is_whole else known


def _learn_stubborn(known: Condition, differing: frozenset[str], revision: str) -> frozenset[str]:
    """What differs although a run has just set it is not put right by another. A host where nothing differs begins
    anew, and so does one of another revision."""
    if known.proves:
        return known.stubborn | differing if differing else differing
    return known.stubborn if differing and revision == known.revision else frozenset()


def _merge(known: Iterable[DriftTask], found: Iterable[DriftTask], now: float) -> tuple[DriftTask, ...]:
    """What differed before does so since then."""
    since = {one.name: one.since for one in known}
    return tuple(replace(one, since=since.get(one.name, now)) for one in found)


def write_tasks(tasks: Iterable[DriftTask]) -> str:
    return json.dumps([asdict(one) for one in tasks])


def read_tasks(text: str) -> tuple[DriftTask, ...]:
    return tuple(DriftTask(**one) for one in json.loads(text))

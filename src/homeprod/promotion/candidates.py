"""Whom a revision has to be tried on in an environment, and for whom each trial counts.

Asked anew each time, from where the branches are and what was applied: a promotion that was broken off goes on from
where it stood, whatever was done meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from homeprod.promotion.closure import Closure

Closures = Mapping[str, Closure]
"""By host, of one revision."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A host that a record is for, with the digest of its inputs at the revision in question."""

    host: str
    environment: str
    digest: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host that the revision is tried on. The first of ``subjects`` is itself; the others are machines that name it
    as their counterpart. ``is_settled`` where all of them have what they need, and it is applied."""

    host: str
    subjects: tuple[Subject, ...]
    is_settled: bool


def list_differing(after: Closures, environment: str, *bases: Closures) -> list[str]:
    """Hosts of the environment whose run may do something else than at one of the bases; all, where there is none."""
    own = [host for host, closure in sorted(after.items()) if closure.environment == environment]
    return [host for host in own if not bases or any(_differs(after, base, host) for base in bases)]


def list_candidates(
    after: Closures,
    environment: str,
    bases: Iterable[Closures],
    counterparts: Mapping[str, str],
    *,
    is_green: Callable[[Subject], bool],
    applied: Mapping[str, str],
) -> list[Candidate]:
    """``bases`` are the closures at revisions that are compared with: where the environment was before, and where
    those are that come after it. ``counterparts`` are machines of the latter, each with the one of ``environment``
    whose trial counts for it. ``applied`` are digests of what the hosts were configured with last."""
    told = tuple(bases)
    due = set(list_differing(after, environment, *told))
    due |= {host for host, digest in applied.items() if host in after and after[host].digest != digest}
    due |= {own for host, own in counterparts.items() if any(_differs(after, base, host) for base in told)}
    found = []
    for host in sorted(due):
        if host in after and after[host].environment == environment:
            subjects = _list_subjects(after, host, counterparts)
            is_applied = applied.get(host) == after[host].digest
            found.append(Candidate(host, subjects, is_applied and all(map(is_green, subjects))))
    return found


def _list_subjects(after: Closures, host: str, counterparts: Mapping[str, str]) -> tuple[Subject, ...]:
    others = sorted(other for other, own in counterparts.items() if own == host and other in after)
    return tuple(Subject(name, after[name].environment, after[name].digest) for name in (host, *others))


def _differs(after: Closures, base: Closures, host: str) -> bool:
    return host in after and (host not in base or base[host].digest != after[host].digest)

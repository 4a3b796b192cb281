"""Verdict: whether an environment's hosts may be brought to a revision, by all that was signed until now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from homeprod.promotion.record import FUTURE, Bad, Emergency, Rollback, Signed, Trial, find_bad, judge


@dataclass(frozen=True, slots=True)
class Lack:
    """Why ``host`` may not be run with the inputs of ``digest``."""

    host: str
    digest: str
    why: str


class Entries:
    """All that is believed, laid out once: it is asked often, and there may be thousands."""

    def __init__(self, believed: Iterable[Signed] = ()) -> None:
        self.believed = tuple(believed)
        self._bad: dict[str, tuple[Bad, ...]] = {}

    @cached_property
    def _trials(self) -> Mapping[str, tuple[Signed, ...]]:
        found: dict[str, list[Signed]] = {}
        for one in self.believed:
            if isinstance(one.entry, Trial):
                found.setdefault(one.entry.host, []).append(one)
        return {host: tuple(trials) for host, trials in found.items()}

    @cached_property
    def rest(self) -> tuple[Signed, ...]:
        """Those that are no trials."""
        return tuple(one for one in self.believed if not isinstance(one.entry, Trial))

    def list_trials(self, host: str) -> tuple[Signed, ...]:
        """Those of the host, or of others for it."""
        return self._trials.get(host, ())

    def find_bad(self, environment: str) -> tuple[Bad, ...]:
        if environment not in self._bad:
            self._bad[environment] = tuple(find_bad(self.rest, environment))
        return self._bad[environment]


@dataclass(frozen=True)
class Evidence:
    """What counts for one environment at one moment: ``now`` is seconds since 1970, a record counts for
    ``fresh_seconds``."""

    environment: str
    entries: Entries
    now: float
    fresh_seconds: float

    @property
    def bad(self) -> tuple[Bad, ...]:
        """What was rolled back here, and is held."""
        return self.entries.find_bad(self.environment)

    @property
    def emergencies(self) -> tuple[Signed, ...]:
        """The newest first; they are never forgotten."""
        ours = (one for one in self.entries.rest if one.entry.environment == self.environment)
        return tuple(sorted((one for one in ours if isinstance(one.entry, Emergency)), key=lambda one: -one.entry.at))

    def find_emergency(self, revision: str) -> Signed | None:
        """The one by which the environment is at that revision."""
        return next((one for one in self.emergencies if one.entry.revision == revision), None)

    def find_lacks(self, digests: Mapping[str, str], revision: str, applied: Mapping[str, str]) -> tuple[Lack, ...]:
        """Of the hosts of ``digests`` those that may not be brought to ``revision``; ``applied`` are the digests that
        hosts were run with last."""
        found = (
            (host, digest, self.find_lack(host, digest, revision, applied.get(host, "")))
            for host, digest in digests.items()
        )
        return tuple(Lack(host, digest, why) for host, digest, why in sorted(found) if why)

    def find_lack(self, host: str, digest: str, revision: str, applied: str) -> str:
        """Why the host may not be run so; empty where it may."""
        if bad := next((one for one in self.bad if (one.host, one.digest) == (host, digest)), None):
            reason = f" ({bad.rollback.why})" if bad.rollback.why else ""
            return f"that was rolled back by {bad.person}{reason}, and nobody has cleared it"
        if digest == applied:
            return ""
        judgement = judge(self.entries.list_trials(host), host, digest, self.now, self.fresh_seconds)
        if judgement.is_green:
            return ""
        revoked = judgement.trial.at if judgement.trial is not None and not judgement.trial.is_green else -1.0
        return "" if self._is_excused(host, digest, revision, revoked) else judgement.why

    def _is_excused(self, host: str, digest: str, revision: str, revoked: float) -> bool:
        """By an emergency or a roll-back: of that very revision, or of another at which the host ran the same, unless
        a trial was red since."""
        for entry in (one.entry for one in self.entries.rest):
            if not isinstance(entry, Emergency | Rollback) or entry.environment != self.environment:
                continue
            if entry.at > self.now + FUTURE:
                continue
            if entry.revision == revision or (entry.digests.get(host) == digest and entry.at > revoked):
                return True
        return False

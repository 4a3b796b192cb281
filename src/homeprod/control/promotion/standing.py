"""Standing: how it is with one environment at its gate, as it was looked at last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeprod.control.promotion.admission import Admission
from homeprod.control.promotion.stage import Pair, Rollout, RolloutState, StageState
from homeprod.control.repositories.repositories import Checkout
from homeprod.control.settings import PromotionSettings
from homeprod.promotion.record import Bad, Emergency, Signed
from homeprod.promotion.verdict import Evidence, Lack

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Gated:
    """What the gate says of a host beyond its environment's head: what it is to be at now, whether it is behind that
    and follows in a roll-out, and why no run may begin; ``words`` say what it waits for."""

    revision: str = ""
    is_behind: bool = False
    words: str = ""
    obstacle: str = ""


@dataclass(frozen=True)
class Standing:
    """``head`` is the newest that is believed, ``held`` what its hosts lack where it is not admitted, ``problem`` why
    it could not be judged. ``checkouts`` and ``digests`` are of all pairs that some host is to be at."""

    environment: str
    branch: str
    promotion: PromotionSettings
    head: Pair
    evidence: Evidence
    admission: Admission | None = None
    held: tuple[Lack, ...] = ()
    problem: str = ""
    unheard: tuple[str, ...] = ()
    """Entries of the notes that count as nothing."""
    rollout: Rollout = field(default_factory=lambda: Rollout((), RolloutState.NONE))
    checkouts: Mapping[Pair, Checkout] = field(default_factory=dict)
    digests: Mapping[Pair, Mapping[str, str]] = field(default_factory=dict)

    @property
    def bad(self) -> tuple[Bad, ...]:
        return self.evidence.bad

    @property
    def emergency(self) -> Signed | None:
        """By which the environment is at what it is at."""
        return self.evidence.find_emergency(self.admission.pair.revision) if self.admission is not None else None

    @property
    def is_held(self) -> bool:
        """Whether the newest head is not gone to."""
        return bool(self.held or self.problem)

    def tell_held(self) -> str:
        """Why the newest head is not gone to; empty where it is."""
        if not self.is_held:
            return ""
        at = self.admission.pair.revision[:12] if self.admission is not None else ""
        goes_on = f"hosts stay at {at}" if at else "nothing was admitted yet, so nothing runs"
        name = f"{self.environment}: {self.head.revision[:12]}{self._name_difference()} is held, and {goes_on}"
        if self.problem:
            return f"{name}: {self.problem}"
        lacks = [f"{one.host}: {one.why}" for one in self.held[:_NAMED]]
        more = len(self.held) - len(lacks)
        told = "; ".join(lacks) + (f"; and {more} more" if more else "")
        return f"{name}: {told}"

    def _name_difference(self) -> str:
        """Beside what was admitted, where the revision is the same."""
        if self.admission is None or self.admission.pair.revision != self.head.revision:
            return ""
        if self.admission.pair.vault != self.head.vault:
            return " with the newest of the vault"
        return " as this version of homeprod would run it"

    def tell_stopped(self) -> str:
        """Where the roll-out has stopped, and what to do; empty where it has not."""
        if self.rollout.state is not RolloutState.STOPPED or self.admission is None:
            return ""
        waiting = sum(one.state is StageState.WAITING for one in self.rollout.stages)
        rest = f"; {waiting} {'host stays' if waiting == 1 else 'hosts stay'} as before" if waiting else ""
        revision = self.admission.pair.revision[:12]
        return f"{self.environment}: the roll-out of {revision} has stopped at {self.rollout.problem}{rest}"


def describe_emergency(signed: Signed | None) -> dict[str, object] | None:
    if signed is None or not isinstance(signed.entry, Emergency):
        return None
    entry = signed.entry
    return {"revision": entry.revision, "person": signed.person, "at": entry.at, "why": entry.why}


def describe(standing: Standing) -> dict[str, object]:
    """For people whose signature was good. Times are seconds since 1970."""
    admission = standing.admission
    return {
        "environment": standing.environment,
        "branch": standing.branch,
        "head": standing.head.revision,
        "head_vault": standing.head.vault,
        "admitted": admission.pair.revision if admission is not None else "",
        "admitted_vault": admission.pair.vault if admission is not None else "",
        "admitted_at": admission.at if admission is not None else None,
        "held": [{"host": one.host, "digest": one.digest, "why": one.why} for one in standing.held],
        "problem": standing.problem,
        "emergency": describe_emergency(standing.emergency),
        "emergencies": [describe_emergency(one) for one in standing.evidence.emergencies],
        "bad": [
            {
                "host": one.host,
                "digest": one.digest,
                "revision": one.rollback.left,
                "person": one.person,
                "at": one.rollback.at,
                "why": one.rollback.why,
            }
            for one in standing.bad
        ],
        "unheard": list(standing.unheard),
        "rollout": {
            "state": standing.rollout.state.value,
            "revision": admission.pair.revision if admission is not None and standing.rollout.stages else "",
            "problem": standing.rollout.problem,
            "order": [
                {
                    "host": one.host,
                    "state": one.state.value,
                    "digest": one.digest,
                    "is_canary": one.is_canary,
                    "run": one.run or None,
                    "problem": one.problem,
                }
                for one in standing.rollout.stages
            ],
        },
    }

"""Trials: what a rehearsal has found, as records that count for the machines that were stood in for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import homeprod
from homeprod.promotion.record import Trial
from homeprod.rehearsal.judgement import Verdict
from homeprod.rehearsal.prospect import Prospect

FRESH_DAYS = 14
"""Where the environment says nothing of how long a record counts."""
_DAY = 24 * 60 * 60.0
_MOST = 480
"""Characters of a reason; a record takes 500."""


def write_trials(prospect: Prospect, verdicts: Mapping[str, Verdict], now: float) -> Iterator[Trial]:
    """``now`` is seconds since 1970."""
    promotion = prospect.environment.promotion
    days = promotion.fresh_days if promotion is not None else FRESH_DAYS
    for subject in prospect.choice.subjects:
        verdict = verdicts[subject.name]
        yield Trial(
            environment=prospect.environment.name,
            revision=prospect.step.after,
            at=now,
            why=_cut("; ".join(verdict.why)),
            host=subject.name,
            digest=subject.digest,
            result="green" if verdict.is_green else "red",
            tried_on=subject.name,
            place="stand-in",
            expires=now + days * _DAY,
            version=homeprod.__version__,
        )


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"

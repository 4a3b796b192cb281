"""A renewal: a run of the role `certificates` alone, where a check found that a certificate is due."""

from __future__ import annotations

from homeprod.control.hosts.condition import Finding
from homeprod.control.hosts.turn import Outcome
from homeprod.control.runs.aside import FIRST_PAUSE, Aside
from homeprod.control.runs.attempt import clean, insist


class Renewal(Aside):
    async def _end(self, outcome: Outcome) -> None:
        found, kept = Finding(outcome.status, clean(outcome.problem)), self._settings.kept_runs
        await insist(lambda: self._ledger.checks.end_renewal(self._run, found, FIRST_PAUSE, kept))

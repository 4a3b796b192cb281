"""The account of a promotion: what came of it so far, for people as it comes and for machines at the end."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

from homeprod.cli import render
from homeprod.cli.promotion.ground import Ground
from homeprod.cli.schema.promotion import PromotionReport, RolloutEntry, StandingEntry, TriedEntry
from homeprod.drivers.doorwords import tell


@dataclass
class Account:
    """``revision`` goes to the environment of ``ground``."""

    ground: Ground
    revision: str
    options: argparse.Namespace
    has_moved: bool = False
    is_emergency: bool = False
    hosts: list[StandingEntry] = field(default_factory=list)
    tried: list[TriedEntry] | None = None
    rollout: list[RolloutEntry] | None = None
    problem: str = ""

    @property
    def command(self) -> str:
        """The same once more, which goes on from where it stands."""
        return f"homeprod promote {self.revision[:12]} --to {self.ground.environment.name}"

    def print(self, line: str) -> None:
        """For machines there is nothing but the report on stdout."""
        if not self.options.json:
            render.print_line(line)

    def print_step(self) -> None:
        """From where to where the branch goes."""
        subject = tell(self.ground.branches.tell_subject(self.revision))
        before = self.ground.head[:12] or "nothing yet"
        self.print(f"{self.ground.branch}: {before} → {self.revision[:12]}  {subject}".rstrip())

    def report(self, code: int) -> PromotionReport:
        return PromotionReport(
            environment=self.ground.environment.name,
            branch=self.ground.branch,
            before=self.ground.head,
            revision=self.revision,
            has_moved=self.has_moved,
            is_emergency=self.is_emergency,
            hosts=self.hosts,
            tried=self.tried,
            rollout=self.rollout,
            problem=self.problem,
            exit_code=code,
        )

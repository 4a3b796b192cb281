"""Errand: what a command would do is planned, agreed upon and done, with nobody else at work between."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from homeprod.cli import render
from homeprod.cli.lease import Tenure, await_turn, take_turn
from homeprod.cli.plan import Planned
from homeprod.engine.ports import Hypervisor
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class Errand:
    """``plan`` reads, shows and checks; ``agree`` asks, unless that was answered beforehand; ``is_same`` says whether
    what was agreed upon still is what would be done; ``run`` does it and gives the exit code."""

    plan: Callable[[], Planned]
    agree: Callable[[Planned], None]
    is_same: Callable[[Planned, Planned], bool]
    run: Callable[[Planned, Tenure], int]


def run_errand(site: Site, hypervisor: Hypervisor, options: argparse.Namespace, errand: Errand) -> int:
    """Nobody holds the lease while a person thinks, unless it was taken from somebody: that one has to stop first.
    Raises LeaseError where somebody else is at work."""
    with ExitStack() as stack:
        seen, turn = await_turn(site, hypervisor, options), None
        if seen is not None and not seen.is_free:
            turn = stack.enter_context(take_turn(site, hypervisor, options, seen))
        planned = errand.plan()
        if planned.plan.changes:
            errand.agree(planned)
        if turn is None and planned.plan.changes:
            turn = stack.enter_context(take_turn(site, hypervisor, options, seen))
            planned = planned if turn.is_fresh else _plan_again(errand, planned)
        return errand.run(planned, turn if turn is not None else Tenure(hypervisor))


def _plan_again(errand: Errand, agreed: Planned) -> Planned:
    """Somebody else was at work since. Where it comes out otherwise now, a person is asked again."""
    render.say("somebody else was at work on this site meanwhile; reading it again")
    planned = errand.plan()
    if planned.plan.changes and not errand.is_same(agreed, planned):
        errand.agree(planned)
    return planned

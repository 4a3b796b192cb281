"""Errand: what a command would do is planned, agreed upon and done, with nobody else at work between."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from homeprod.cli import render
from homeprod.cli.lease import Tenure, await_turn, take_turn
from homeprod.cli.plan import Planned
from homeprod.engine.ports import Hypervisor
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class Errand:
    """``plan`` reads, shows and checks; ``agree`` asks, unless that was answered beforehand, and gives what somebody
    agreed to; ``is_same`` says whether that still is what would be done; ``run`` does it and gives the exit code."""

    plan: Callable[[], Planned]
    agree: Callable[[Planned], Planned]
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
        agreed = errand.agree(planned) if planned.plan.changes else planned
        if turn is None and agreed.plan.changes:
            turn = stack.enter_context(take_turn(site, hypervisor, options, seen))
            agreed = agreed if turn.is_fresh else _plan_again(errand, planned, agreed)
        return errand.run(agreed, turn if turn is not None else Tenure(hypervisor))


def _plan_again(errand: Errand, planned: Planned, agreed: Planned) -> Planned:
    """Somebody else was at work since. Where it comes out otherwise now, a person is asked again."""
    render.say("somebody else was at work on this site meanwhile; reading it again")
    again = errand.plan()
    if errand.is_same(planned, again):
        return replace(agreed, actual=again.actual)
    return errand.agree(again) if again.plan.changes else again

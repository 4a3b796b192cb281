"""Cold starts are asked for apart from the rest of a plan: a machine is off for a while."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from homeprod.cli import render
from homeprod.cli.question import confirm
from homeprod.plan.change import Action, Change
from homeprod.plan.plan import Plan
from homeprod.site.machine import ColdStarts


def are_asked_apart(policy: ColdStarts, options: argparse.Namespace) -> bool:
    return policy == "ask" and not options.cold_start


def choose_cold_starts(
    plan: Plan, policy: ColdStarts, options: argparse.Namespace
) -> tuple[Plan, tuple[Change, ...]]:
    """The plan with those that were agreed upon, and those that were not. Where the site asks, ``--yes`` alone is no
    answer, and ``--cold-start`` is one. Raises DeclinedError where nobody is there to answer."""
    steps = plan.of(Action.COLD_START)
    if not steps or not are_asked_apart(policy, options):
        return plan, ()
    names = ", ".join(change.address.name for change in steps)
    if not options.yes and confirm(f"shut down and start again: {names}?", otherwise="--cold-start"):
        return plan, ()
    return plan.without(Action.COLD_START), steps


def tell_left(left: Sequence[Change]) -> None:
    for change in left:
        render.say(f"no cold start of {change.address}, though {change.why}")
    if left:
        words = (
            "left running; to shut them down and start them again, one at a time:\n\n  homeprod apply --cold-start"
        )
        render.say(words)

"""Agreement: what a person says yes to before anything is written."""

from __future__ import annotations

import argparse

from homeprod.cli.question import ask
from homeprod.core.errors import DeclinedError
from homeprod.plan.change import Action
from homeprod.plan.plan import Plan
from homeprod.site.site import Site


def agree(plan: Plan, site: Site, options: argparse.Namespace) -> None:
    """Machines to be deleted are asked for apart, and so is the number of those that go, where it is beyond the
    site's ``most_removals``: a wrong edit of one shared value can reach every machine at once. Raises
    DeclinedError."""
    count = len({change.vmid for change in plan.of(Action.DELETE, Action.REPLACE) if change.vmid})
    is_number_given = _check_number(count, site.config.most_removals, options)
    if options.yes or not plan.changes:
        return
    ask("apply this?", "yes")
    doomed = [change.address.name for change in plan.of(Action.DELETE) if change.vmid]
    if doomed:
        ask(f"delete {', '.join(doomed)} and the disks that they own?", "delete")
    if count > site.config.most_removals and not is_number_given:
        words = f"{count} machines are deleted or replaced, more than the {site.config.most_removals} that the site"
        ask(f"{words} allows at once; how many?", str(count), otherwise=f"--removals {count}")


def _check_number(count: int, bound: int, options: argparse.Namespace) -> bool:
    """Whether the right number was given beforehand. There is no way past it: a number that the plan does not come
    to is refused even below the bound, since somebody had another plan in mind."""
    if options.removals is not None and options.removals != count:
        raise DeclinedError(
            f"--removals says {options.removals}, and this plan deletes or replaces {count}; nothing was done",
            hint="look at it again:\n\n  homeprod plan",
        )
    if options.yes and count > bound and options.removals is None:
        raise DeclinedError(
            f"{count} machines would be deleted or replaced, more than the {bound} that the site allows at once;"
            " nothing was done",
            hint=f"--yes alone is not enough for that; if it is meant, repeat it with:\n\n  --removals {count}",
        )
    return options.removals is not None

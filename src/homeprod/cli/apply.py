"""``homeprod apply``: do what ``plan`` shows. Exits 3 where a machine's cloud-init was not waited for."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.plan import show_plan
from homeprod.core.errors import DeclinedError
from homeprod.engine.apply import Applying, apply_plan, check_plan
from homeprod.engine.read import read_actual
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.site.loader import find_root, load_site
from homeprod.wiring import open_cluster


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    desired = desire(site)
    with closing(open_cluster(site)) as cluster:
        actual = read_actual(cluster, site.config.id, desired)
        plan = diff(site.config.id, desired, actual)
        show_plan(plan)
        check_plan(plan)
        if not plan.changes:
            return 0
        _ask(options.yes)
        applying = Applying(site, cluster, desired, actual)
        unfinished = apply_plan(applying, plan, lambda address, line: render.say(f"{address}: {line}"))
    if unfinished:
        names = ", ".join(address.name for address in unfinished)
        render.say(f"not waited for cloud-init's end on: {names}")
        return 3
    return 0


def _ask(is_agreed: bool) -> None:
    if is_agreed:
        return
    if not sys.stdin.isatty():
        raise DeclinedError("nobody is there to say yes", hint="run it in a terminal, or add --yes")
    if input("apply this? [yes/no] ").strip().lower() != "yes":
        raise DeclinedError("declined; nothing was done")

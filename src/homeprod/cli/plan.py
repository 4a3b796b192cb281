"""``homeprod plan``: what differs from the site. Only reads; exits 2 where there are changes, 1 where it
cannot be told (a conflict, or machines of which nothing is known), and 3 where nothing else is to do than what a
person must do first."""

from __future__ import annotations

import argparse
import secrets
from contextlib import closing
from dataclasses import dataclass, replace

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.cli.planfile import write_plan_file
from homeprod.cli.showplan import describe_plan, show_plan
from homeprod.core.address import Address
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.read import read_actual
from homeprod.plan.actual import Actual
from homeprod.plan.change import Change
from homeprod.plan.conflict.capacity import weigh
from homeprod.plan.desired import desire
from homeprod.plan.diff import NewInstance, Wish, diff
from homeprod.plan.plan import Plan
from homeprod.plan.scope import choose_part
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, what it was made from, and what reading that cost. ``left`` are the changes that nobody agreed to."""

    plan: Plan
    actual: Actual
    api_calls: int
    left: tuple[Change, ...] = ()


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    with closing(connect(site, options)) as cluster:
        planned = make_plan(site, cluster, options)
    plan = planned.plan
    if options.out is not None and not plan.conflicts:
        write_plan_file(options.out, site, plan, options)
    if options.json:
        render.print_line(describe_plan(plan, planned.api_calls).model_dump_json(indent=2))
    else:
        show_plan(plan, desire(site))
    if plan.conflicts:
        return 1
    if options.out is not None:
        render.say(f"written; apply just this with:\n\n  homeprod apply {options.out}")
    return find_code(plan)


def find_code(plan: Plan) -> int:
    """Of a plan without conflicts: 2 there are changes, 1 a machine is unknown, 3 one waits for a person."""
    if plan.changes:
        return 2
    if plan.unknown:
        return 1
    return 3 if any(notice.waits for notice in plan.notices) else 0


def new_instance(_: Address) -> str:
    """A creation nonce: cloud-init takes a machine with another one for a new machine."""
    return secrets.token_hex(6)


def make_plan(
    site: Site,
    cluster: ProxmoxHypervisor,
    options: argparse.Namespace,
    instance: NewInstance = new_instance,
) -> Planned:
    """Read what is and compare. Raises HomeprodError."""
    with render.busy("reading Proxmox"):
        actual = read_actual(cluster, site)
    calls = cluster.api_calls
    plan = diff(site, actual, instance, Wish(starts=options.start))
    if options.only:
        plan = choose_part(plan, options.only, site, actual)
    plan = weigh(plan, actual, desire(site))
    plan = replace(plan, conflicts=(*plan.conflicts, *cluster.find_lacks(site, actual, plan)))
    if options.json:  # a person was told when it happened
        plan = replace(plan, notices=(*plan.notices, *cluster.notice_endpoints()))
    return Planned(plan, actual, calls)

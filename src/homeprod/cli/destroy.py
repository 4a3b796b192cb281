"""``homeprod destroy NAME``: destroy one machine; with ``--data``, a data VM and the disks on it."""

from __future__ import annotations

import argparse
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.apply import run_plan
from homeprod.cli.connection import connect
from homeprod.cli.errand import Errand, run_errand
from homeprod.cli.plan import Planned
from homeprod.cli.question import ask
from homeprod.cli.settle import make_settled
from homeprod.cli.showplan import show_plan
from homeprod.core.errors import DeclinedError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.destroy import check_unused, list_disks, plan_destruction
from homeprod.engine.read import read_actual
from homeprod.plan.actual import Actual
from homeprod.plan.config import Drive
from homeprod.plan.plan import Plan
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    with closing(connect(site, options)) as cluster:
        errand = Errand(
            plan=lambda: _plan(site, cluster, options),
            agree=lambda planned: _agree(planned, options),
            is_same=lambda agreed, planned: _list_losses(agreed) == _list_losses(planned),
            run=lambda planned, turn: run_plan(site, planned, options, turn),
        )
        return run_errand(site, cluster, options, errand)


def _plan(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> Planned:
    """Shows what would be lost. Raises HomeprodError."""
    planned = make_settled(site, cluster, lambda: _make(site, cluster, options))
    show_plan(planned.plan)
    if options.data:
        check_unused(site, cluster, planned.plan.changes[0])
    _show_losses(planned.actual, planned.plan)
    return planned


def _make(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> Planned:
    actual = read_actual(cluster, site)
    return Planned(plan_destruction(site, actual, options.name, is_data=options.data), actual, cluster.api_calls)


def _list_losses(planned: Planned) -> list[tuple[str, Drive]]:
    return list_disks(planned.actual.machines[planned.plan.changes[0].vmid])


def _show_losses(actual: Actual, plan: Plan) -> None:
    for slot, drive in list_disks(actual.machines[plan.changes[0].vmid]):
        size = f", {drive.size / 1024**3:g} GiB" if drive.size is not None else ""
        render.print_line(f"    {slot}: {drive.volume}{size} and everything on it is lost for good")


def _agree(planned: Planned, options: argparse.Namespace) -> Planned:
    """A data VM's name is asked for again, or given again as ``--confirm NAME``. Raises DeclinedError."""
    if options.data:
        if options.confirm is None:
            ask(f"to lose these disks, type the name {options.name}:", options.name, otherwise="--confirm NAME")
        elif options.confirm != options.name:
            raise DeclinedError(f"--confirm says {options.confirm}, not {options.name}; nothing was done")
    elif not options.yes:
        ask(f"destroy {options.name}?", "yes")
    return planned

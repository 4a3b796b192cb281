"""``homeprod forget NAME|--all``: take the marks away, and leave machines running and otherwise as they are."""

from __future__ import annotations

import argparse
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.cli.lease import await_turn, take_turn
from homeprod.cli.question import ask
from homeprod.core.errors import StalePlanError, UsageError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.forget import Oblivion, forget_machine, plan_oblivion
from homeprod.engine.lease import Seen
from homeprod.engine.read import read_actual
from homeprod.engine.work import Work
from homeprod.plan.actual import Actual
from homeprod.plan.desired import desire
from homeprod.plan.unknown import check_known, find_unknown
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site


def run(options: argparse.Namespace) -> int:
    if bool(options.names) == options.all:
        raise UsageError("say which machines, or --all", hint="see:\n\n  homeprod forget --help")
    site = load_site(find_root(options.site))
    with closing(connect(site, options)) as cluster:
        seen = await_turn(site, cluster, options)
        items, actual = _plan(site, cluster, options)
        if options.all:
            _tell_unknown(site, actual)
        if not items:
            render.print_line("nothing to forget: no machine that could be read has this site's mark")
            return 0
        for item in items:
            listed = item.found.listed
            render.print_line(f"{item.address}  VMID {listed.vmid} on {listed.node}: its marks go, the machine stays")
        if not options.yes:
            ask(f"forget {'it' if len(items) == 1 else f'these {len(items)}'}?", "yes")
        _forget(site, cluster, options, items, seen)
    _tell_modules(site, items)
    return 0


def _plan(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> tuple[list[Oblivion], Actual]:
    with render.busy("reading Proxmox"):
        actual = read_actual(cluster, site)
    for name in options.names:
        check_known(site, actual, name)
    return plan_oblivion(site.config.id, actual, options.names, takes_all=options.all), actual


def _tell_unknown(site: Site, actual: Actual) -> None:
    for unknown in find_unknown(site.config.id, desire(site), actual):
        render.say(f"{unknown.address}  VMID {unknown.vmid}: {unknown.message}; its marks stay")


def _forget(
    site: Site,
    cluster: ProxmoxHypervisor,
    options: argparse.Namespace,
    agreed: list[Oblivion],
    seen: Seen | None,
) -> None:
    """With the site's lease, and from what is there then. Raises StalePlanError where those are other machines."""
    with take_turn(site, cluster, options, seen) as turn:
        items, actual = _plan(site, cluster, options)
        if [item.found.listed.vmid for item in items] != [item.found.listed.vmid for item in agreed]:
            raise StalePlanError("there are other machines meanwhile; nothing was done", hint="repeat the command")
        work = Work(site, turn.hypervisor, {}, actual, is_stopping=turn.is_stopping)
        for item in items:
            forget_machine(work, item, lambda _: None)
            render.say(f"{item.address}  forgotten")


def _tell_modules(site: Site, items: list[Oblivion]) -> None:
    """A machine that is still declared would stand in the plan's way, as a stranger's."""
    by_vmid = {site.vmid(declared.machine): declared for declared in site.machines.values()}
    files = [by_vmid[item.found.listed.vmid].file for item in items if item.found.listed.vmid in by_vmid]
    if files:
        names = "".join(f"\n  rm {file}" for file in files)
        render.say(f"\nnext: take away what declares {'it' if len(files) == 1 else 'them'}:\n{names}")

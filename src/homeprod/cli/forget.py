"""``homeprod forget NAME|--all``: take the marks away, and leave machines running and otherwise as they are."""

from __future__ import annotations

import argparse
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.cli.question import ask
from homeprod.core.errors import UsageError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.forget import Oblivion, forget_machine, plan_oblivion
from homeprod.engine.read import read_actual
from homeprod.engine.work import Work
from homeprod.plan.actual import Actual
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site


def run(options: argparse.Namespace) -> int:
    if bool(options.names) == options.all:
        raise UsageError("say which machines, or --all", hint="see:\n\n  homeprod forget --help")
    site = load_site(find_root(options.site))
    with closing(connect(site, options)) as cluster:
        with render.busy("reading Proxmox"):
            actual = read_actual(cluster, site)
        items = plan_oblivion(site.config.id, actual, options.names, takes_all=options.all)
        if not items:
            render.print_line("nothing to forget: no machine in Proxmox has this site's mark")
            return 0
        for item in items:
            listed = item.found.listed
            render.print_line(f"{item.address}  VMID {listed.vmid} on {listed.node}: its marks go, the machine stays")
        if not options.yes:
            ask(f"forget {'it' if len(items) == 1 else f'these {len(items)}'}?", "yes")
        _forget(site, cluster, actual, items)
    _tell_modules(site, items)
    return 0


def _forget(site: Site, cluster: ProxmoxHypervisor, actual: Actual, items: list[Oblivion]) -> None:
    work = Work(site, cluster, {}, actual)
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

"""``homeprod configure``: ring at the control node for a machine that is there already."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.core.errors import HomeprodError, TransientError, UnreachableError, UsageError
from homeprod.engine.ports import Hypervisor
from homeprod.engine.read import read_actual
from homeprod.engine.ring import ring_machine
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.site.configured import explain_unconfigured, list_configured, require_machine
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import DeclaredMachine, Site
from homeprod.wiring.doorbell import Bells

WAITS = 3


def run(options: argparse.Namespace) -> int:
    """Exits 3 where one of them waits for its control node. Nothing is sent before all of them can be told of."""
    site = load_site(find_root(options.site))
    chosen = [_choose(site, name) for name in dict.fromkeys(options.names)]
    with closing(connect(site, options)) as cluster:
        bells = Bells(site, cluster, lab=options.lab)
        actual = read_actual(cluster, site)
        found = {declared.name: _require_there(site, declared, actual) for declared in chosen}
        silent = dict(_find_silent(bells, (declared.machine.environment.control_node for declared in chosen)))
        waits = [declared for declared in chosen if not _ring(cluster, bells, declared, found[declared.name], silent)]
    for error in silent.values():
        render.say(error.hint)
    return WAITS if waits else 0


def _choose(site: Site, name: str) -> DeclaredMachine:
    """Raises UsageError."""
    declared = require_machine(site, name)
    if why := explain_unconfigured(declared):
        there = ", ".join(sorted(one.name for one in list_configured(site))) or "none"
        raise UsageError(f"{name} is no machine that a control node configures: {why}", hint=f"there are: {there}")
    return declared


def _require_there(site: Site, declared: DeclaredMachine, actual: Actual) -> ActualMachine:
    """Raises HomeprodError where it is not made, another's, or off."""
    where, command = str(declared.address), f"homeprod apply --only {declared.name}"
    vmid = site.vmid(declared.machine)
    found = actual.machines.get(vmid)
    if vmid in actual.unread:
        raise HomeprodError("its Proxmox node is off", where=where, hint="see what answers:\n\n  homeprod doctor")
    if found is None:
        hint = f"make it, which tells its control node of it too:\n\n  {command}"
        raise HomeprodError("it is not made yet", where=where, hint=hint)
    if found.mark is None or found.mark.site != site.config.id:
        hint = "see whose it is, and what to do:\n\n  homeprod plan"
        raise HomeprodError(f"VMID {vmid} is not this site's machine", where=where, hint=hint)
    if found.listed.status == "stopped":
        raise HomeprodError("it is stopped", where=where, hint=f"start it:\n\n  {command} --start")
    return found


def _find_silent(bells: Bells, nodes: Iterable[str]) -> Iterator[tuple[str, HomeprodError]]:
    """The control nodes whose door cannot be found, and why. Raises UsageError where there is no key to ring with."""
    for node in dict.fromkeys(nodes):
        try:
            bells.open(node)
        except (UnreachableError, TransientError) as error:
            yield node, error


def _ring(
    cluster: Hypervisor,
    bells: Bells,
    declared: DeclaredMachine,
    found: ActualMachine,
    silent: dict[str, HomeprodError],
) -> bool:
    """Whether the ring was accepted; why not is said."""
    node = declared.machine.environment.control_node
    if node in silent:
        reason = f"waits for {node}: {silent[node].message}"
    else:
        reason = ring_machine(cluster, bells, node, declared.name, found, render.say)
    if reason:
        render.say(f"{declared.address}: {reason}")
    return not reason

"""``homeprod known-hosts``: lines for ~/.ssh/known_hosts, so that a first login asks nothing of nobody's word.

The keys are read through the guest agents, over the pinned connection to Proxmox: nobody on the LAN can put another
one in their place. A line's form is sshd(8)'s, "SSH_KNOWN_HOSTS FILE FORMAT".
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.core.errors import UsageError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.read import read_actual
from homeprod.engine.ring import read_host_key
from homeprod.plan.actual import ActualMachine
from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.configured import require_machine
from homeprod.site.loader import find_root, load_site
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import DeclaredMachine, Site, find_fixed


def run(options: argparse.Namespace) -> int:
    """Exits 1 where one that was named, or should run, gave no key."""
    site = load_site(find_root(options.site))
    chosen = list(_choose(site, options.names))
    code = 0
    with closing(connect(site, options)) as cluster:
        actual = read_actual(cluster, site)
        for declared in chosen:
            found = actual.machines.get(site.vmid(declared.machine))
            reason = _tell(site, cluster, declared, found)
            is_meant = not options.names and _is_no_matter(declared, found)
            if reason:
                render.say(f"{'note: ' if is_meant else ''}{declared.address}: {reason}")
                code = code if is_meant else 1
    return code


def _choose(site: Site, names: list[str]) -> Iterator[DeclaredMachine]:
    """Raises UsageError for a name that the site does not have."""
    for name in names or site.machines:
        declared = require_machine(site, name)
        if isinstance(declared.machine, VirtualMachine | AdoptedVirtualMachine):
            yield declared
        elif names:
            raise UsageError(f"{name} is a data VM, which nobody logs in to")


def _tell(site: Site, cluster: ProxmoxHypervisor, declared: DeclaredMachine, found: ActualMachine | None) -> str:
    """Why there is no line for it, or nothing."""
    if found is None:
        return "is not there"
    if not found.is_running:
        return "does not run, so its guest agent cannot be asked"
    key = read_host_key(cluster, (found.listed.node, found.listed.vmid))
    if key is None:
        return "its guest agent does not answer, or knows no ed25519 host key"
    render.print_line(f"{','.join(_name(site, declared))} {key}")
    return ""


def _is_no_matter(declared: DeclaredMachine, found: ActualMachine | None) -> bool:
    """Whether it has no key to tell for a good reason: it is not made yet, or off as the site says."""
    machine = declared.machine
    return found is None or (
        isinstance(machine, VirtualMachine | AdoptedVirtualMachine) and not machine.started and not found.is_running
    )


def _name(site: Site, declared: DeclaredMachine) -> list[str]:
    """What a person calls it when they log in."""
    machine, network = declared.machine, site.config.addresses.network
    names = [declared.name, *([f"{declared.name}.{network.domain}"] if network.domain else [])]
    fixed = find_fixed(machine)
    return [*names, str(network.address(fixed))] if fixed is not None else names

"""``homeprod configure``: ring at the control node for a machine that is there already."""

from __future__ import annotations

import argparse
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.engine.read import read_actual
from homeprod.engine.ring import ring_machine
from homeprod.site.configured import find_control_node, list_configured
from homeprod.site.loader import find_root, load_site
from homeprod.wiring.doorbell import Bells

WAITS = 3


def run(options: argparse.Namespace) -> int:
    """Exits 3 where one of them waits for its control node."""
    site = load_site(find_root(options.site))
    known = {declared.name: declared for declared in list_configured(site)}
    for name in options.names:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise UsageError(f"{name} is no machine that a control node configures", hint=f"there are: {there}")
    with closing(connect(site, options)) as cluster:
        bells = Bells(site, cluster, lab=options.lab)
        actual = read_actual(cluster, site)
        code = 0
        for name in options.names:
            node = find_control_node(site, known[name].machine.environment)
            found = actual.machines.get(site.vmid(known[name].machine))
            if found is None or found.mark is None or node is None:
                raise HomeprodError("is not there, or not this site's", where=str(known[name].address))
            reason = ring_machine(cluster, bells, node.name, name, found, render.say)
            if reason:
                render.say(f"{known[name].address}: {reason}")
                code = WAITS
        return code

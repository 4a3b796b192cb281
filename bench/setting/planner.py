"""One plan in a process of its own, for what it takes of memory at its highest: an object with ``peak_mb``.

python -m bench.setting.planner SIZE      (where the lab is, says the environment)
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Mapping
from contextlib import closing

from bench.setting.site import make_site

from homeprod.cli.main import ease_collection
from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.engine.read import read_actual
from homeprod.plan.diff import diff
from homeprod.plan.plan import Plan
from homeprod.site.site import Site


def open_cluster(env: Mapping[str, str]) -> ProxmoxHypervisor:
    return open_hypervisor(resolve_settings(env))


def make_plan(cluster: ProxmoxHypervisor, site: Site) -> Plan:
    """Everything from the first request to the finished plan."""
    return diff(site, read_actual(cluster, site), lambda _: "bench")


def main() -> None:
    ease_collection()
    site = make_site(int(sys.argv[1]))
    with closing(open_cluster(os.environ)) as cluster:
        plan = make_plan(cluster, site)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"changes": len(plan.changes), "peak_mb": peak}))


if __name__ == "__main__":
    main()

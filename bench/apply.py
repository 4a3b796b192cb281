"""What an apply costs: making a site's machines, against what the server itself can do.

    bench/apply.py [--size 1000]… [--rounds 3] [--json]

``size`` is the number of machines, none of which is there before. ``the server's limit`` is computed from what the
lab is told to take: a storage makes one volume at a time and takes so long for each; a node works on so many tasks
at once, and each kind takes its time. No client, however good, is quicker. ``ours`` is reading, planning and the
whole apply; cloud-init's end is not waited for, since nothing boots. ``calls`` are the HTTP requests, ``cpu_s`` the
seconds that our process computed, ``storage_busy_s`` those during which the lab's storage really was locked: more
than the limit, since the lab computes too, and the more the busier the machine is with other things.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.setting.figure import compare, show
from bench.setting.planner import open_cluster
from bench.setting.server import SPEC, make_machines, run_server
from bench.setting.site import make_site

from homeprod.cli.main import ease_collection
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

SIZES = (100, 1000)
VOLUME_SECONDS = 0.06
WORKERS = 16
TASK_SECONDS = {"imgcopy": 0.1, "qmcreate": 0.2, "resize": 0.1, "qmstart": 0.2, "qmconfig": 0.0}
"""A tenth or so of what a real node takes, so that what we add shows. Not less: the lab, which is Python too, and we
have to share one machine."""
SLOW = dataclasses.replace(
    SPEC,
    storages=(dataclasses.replace(SPEC.storages[0], seconds=VOLUME_SECONDS),),
    task_seconds=TASK_SECONDS,
    workers=WORKERS,
)


def find_limit(site: Site) -> float:
    """Seconds. A machine and a data VM each have one volume to be made; only a machine has the other tasks."""
    machines = sum(isinstance(declared.machine, VirtualMachine) for declared in site.machines.values())
    others = len(site.machines) - machines
    storage = len(site.machines) * VOLUME_SECONDS
    # A task that makes a volume holds its place meanwhile.
    work = machines * sum(TASK_SECONDS.values()) + others * TASK_SECONDS["qmcreate"] + storage
    return max(storage, work / WORKERS)


def apply_once(env: Mapping[str, str], site: Site) -> tuple[float, float, int]:
    """Seconds, those of our process's own computing, and HTTP requests."""
    with closing(open_cluster(env)) as cluster:
        start, computed = time.perf_counter(), time.process_time()
        done = make_machines(cluster, site)
        taken, calls = time.perf_counter() - start, cluster.api_calls
        if done != len(site.machines):
            raise SystemExit(f"{done} of {len(site.machines)} machines were made")
        return taken, time.process_time() - computed, calls


def bench_apply(size: int, rounds: int, *, as_json: bool) -> None:
    site = make_site(size)
    results = []
    for _ in range(rounds):
        with run_server(SLOW, 0) as server:
            result = apply_once(server.env, site)
        results.append((*result, server.busy))
    seconds, computed, calls, busy = (statistics.median(values) for values in zip(*results, strict=True))
    more = {"calls": int(calls), "cpu_s": round(computed, 2), "storage_busy_s": round(busy, 2)}
    show(compare("apply", size, "the server's limit", seconds, find_limit(site), **more), as_json=as_json)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, action="append", help=f"may be repeated (default: {SIZES})")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="an object a line")
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    ease_collection()
    for size in options.size or SIZES:
        bench_apply(size, options.rounds, as_json=options.json)


if __name__ == "__main__":
    main()

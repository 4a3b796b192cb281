"""What a plan costs: reading and comparing a site that needs nothing, and one of which nothing is there yet.

    bench/plan.py [--size 1000]… [--rounds 5] [--json]

``size`` is the number of machines. ``ours`` is everything from the first request to the finished plan; the site is
loaded before. ``floor`` is the same GETs by the same HTTP client (urllib3) at the same number of threads, bodies
thrown away. ``Terraform's core planning trivial resources`` is a no-op plan of ``terraform_data`` resources that
refer to each other, with no provider and no API: as many resources as there are machines, and twice as many (each
machine and its data disk). It is asked where it is installed, up to 1,000 machines. ``peak_mb`` is the most memory
that a process took which did nothing but plan. The rounds are interleaved and the medians compared; the lab runs in
a process of its own. The last line is the growth: seconds a machine, and the exponent of a fit (1 is linear).
"""

from __future__ import annotations

import argparse
import json
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.setting.figure import Runner, compare, fit_growth, measure, show
from bench.setting.peer import NAME, PYTHON, run_terraform
from bench.setting.planner import make_plan, open_cluster
from bench.setting.server import SPEC, run_server
from bench.setting.site import make_site

from homeprod.cli.main import ease_collection
from homeprod.drivers.proxmox.hypervisor import READERS
from homeprod.plan.desired import desire
from homeprod.site.site import Site

SIZES = (100, 1000, 10_000)
TERRAFORM_SIZE = 1000
"""The largest that Terraform is told to plan: ten thousand take it minutes a round."""
MISSING = 500
"""How Proxmox says that there is no such machine."""


def ours(env: Mapping[str, str], site: Site, changes: int) -> Runner:
    cluster = open_cluster(env)

    def run() -> object:
        plan = make_plan(cluster, site)
        if len(plan.changes) != changes or plan.conflicts:
            raise SystemExit(f"not the plan that was expected: {plan.changes[:3]} {plan.conflicts[:3]}")
        return plan

    return run


def floor(env: Mapping[str, str], site: Site, status: int = 200) -> Runner:
    import urllib3

    context = ssl.create_default_context(cafile=env["HOMEPROD_CA_FILE"])
    pool = urllib3.PoolManager(maxsize=READERS, block=True, ssl_context=context)
    headers = {"Authorization": f"PVEAPIToken={env['HOMEPROD_TOKEN']}"}
    base = f"{env['HOMEPROD_ENDPOINT']}/api2/json"
    fixed = ["/version", "/access/permissions", "/cluster/resources", "/nodes/pve/storage/local/content"]
    expected = dict.fromkeys(fixed, 200)
    expected |= {f"/nodes/pve/qemu/{machine.vmid}/pending": status for machine in desire(site).values()}

    def read(path: str) -> int:
        answer = pool.request("GET", f"{base}{path}", headers=headers, retries=False)
        if answer.status != expected[path]:
            raise SystemExit(f"{path}: {answer.status}")
        return len(answer.data)

    def run() -> object:
        with ThreadPoolExecutor(READERS) as threads:
            return sum(threads.map(read, expected))

    return run


def measure_memory(env: Mapping[str, str], size: int) -> int:
    command = [sys.executable, "-m", "bench.setting.planner", str(size)]
    done = subprocess.run(
        command, env={**dict(env), "PYTHONPATH": ":".join(sys.path)}, stdout=subprocess.PIPE, check=True
    )
    return int(json.loads(done.stdout)["peak_mb"])


def bench_no_op(size: int, rounds: int, *, as_json: bool) -> float:
    """Ours in seconds."""
    site = make_site(size)
    with run_server(SPEC, size) as server, ExitStack() as peers:
        env = server.env
        runners = {"ours": ours(env, site, 0), "floor": floor(env, site)}
        asked = (size, 2 * size) if PYTHON.exists() and size <= TERRAFORM_SIZE else ()
        terraforms = {str(resources): peers.enter_context(run_terraform(resources)) for resources in asked}
        seconds = measure({**runners, **{name: plan for name, (_, plan) in terraforms.items()}}, rounds)
        peak = measure_memory(env, size)
    mine = seconds["ours"]
    show(compare("no-op plan", size, "floor", mine, seconds["floor"], peak_mb=peak), as_json=as_json)
    for name, (version, _) in terraforms.items():
        line = compare("no-op plan", size, NAME, mine, seconds[name], resources=int(name), version=version)
        show(line, as_json=as_json)
    return mine


def bench_create(size: int, rounds: int, *, as_json: bool) -> None:
    site = make_site(size)
    with run_server(SPEC, 0) as server:
        env = server.env
        runners = {"ours": ours(env, site, size), "floor": floor(env, site, MISSING)}
        seconds, peak = measure(runners, rounds), measure_memory(env, size)
    show(compare("create plan", size, "floor", seconds["ours"], seconds["floor"], peak_mb=peak), as_json=as_json)


def show_growth(seconds: Mapping[int, float], *, as_json: bool) -> None:
    """From the smallest to the largest size, in seconds a machine."""
    smallest, largest = min(seconds), max(seconds)
    each = {size: taken / size for size, taken in seconds.items()}
    line = {
        "name": "no-op plan growth",
        "size": largest,
        "against": f"{smallest} machines",
        "ours_s": round(each[largest], 6),
        "theirs_s": round(each[smallest], 6),
        "ratio": round(each[largest] / each[smallest], 3),
        "seconds_a_machine": {str(size): round(value, 6) for size, value in sorted(each.items())},
        "exponent": round(fit_growth(seconds), 3),
    }
    show(line, as_json=as_json)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, action="append", help=f"may be repeated (default: {SIZES})")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="an object a line")
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    ease_collection()
    if not PYTHON.exists():
        print("without Terraform: `make bench` installs its core for this alone", file=sys.stderr)
    seconds = {}
    for size in options.size or SIZES:
        seconds[size] = bench_no_op(size, options.rounds, as_json=options.json)
        bench_create(size, options.rounds, as_json=options.json)
    if len(seconds) > 1:
        show_growth(seconds, as_json=options.json)


if __name__ == "__main__":
    main()

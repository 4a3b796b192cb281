"""What a plan costs: reading and comparing a site that needs nothing, against the bare reads.

    bench/plan.py [--size 1000] [--rounds 5] [--json]

``size`` is the number of machines. ``floor`` is the same GETs by the same HTTP client (urllib3) at the same number of
threads, bodies thrown away. ``ours`` is everything from the first request to the finished plan; the site is loaded
before. The rounds are interleaved and the medians compared. The lab runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from homeprod.cli.main import ease_collection
from homeprod.core.sizes import GiB
from homeprod.drivers.proxmox import open_hypervisor, resolve_settings
from homeprod.drivers.proxmox.hypervisor import READERS
from homeprod.engine.apply import apply_plan
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.plan.image import desire_images
from homeprod.site.addresses import AddressPlan, Network
from homeprod.site.machine import Disk, Environment, SiteConfig, VirtualMachine
from homeprod.site.people import Person
from homeprod.site.place import Cluster, Datastore, Image
from homeprod.site.site import DeclaredMachine, Site

FIRST = 100_000
Runner = Callable[[], object]


def make_site(size: int) -> Site:
    """``size`` machines in a subnet kept for benchmarks (RFC 2544)."""
    store = Datastore(name="local")
    image = Image(release="debian-13", url="https://images.invalid/debian.qcow2", checksum="0" * 64, on=store)
    network = Network(bridge="vmbr0", subnet="198.18.0.0/15", gateway=1, resolvers=(1,), domain="bench.example")
    config = SiteConfig(
        id="00000000-0000-0000-0000-00000000be9c",
        name="bench",
        cluster=Cluster(endpoint="https://bench.invalid:8006", node="pve"),
        addresses=AddressPlan(network=network, prefix=1),
        iso=store,
    )
    lab = Environment(name="lab")
    person = Person(name="ops", keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA ops",))
    machines = {}
    for number in range(10, 10 + size):
        machine = VirtualMachine(
            number=number,
            vmid=FIRST + number,
            environment=lab,
            image=image,
            boot=Disk(8 * GiB, on=store),
            people=(person,),
            tags={"bench"},
            note="a machine of the benchmark",
        )
        machines[f"m{number}"] = DeclaredMachine(f"m{number}", machine, Path(f"m{number}_vm.py"))
    return Site(Path(), config, machines)


def serve(size: int) -> None:
    """A no-boot lab with the whole site in it, until standard input ends."""
    from tests.lab_server import LabServer

    from homeprod.lab.spec import LabSpec, SeedSpec, StorageSpec

    site = make_site(size)
    seeds = tuple(SeedSpec(image.volume, "debian-13") for image in desire_images(site))
    with LabServer(LabSpec("bench", boot=False, storages=(StorageSpec("local"),), seeds=seeds)) as lab:
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        with closing(open_hypervisor(resolve_settings(env))) as cluster:
            actual = read_actual(cluster, site)
            plan = diff(site, actual, lambda address: address.name)
            work = Work(site, cluster, desire(site), actual, Manner(waits=False))
            outcome = apply_plan(work, plan, lambda _: None)
            if outcome.failed:
                raise outcome.failed[0][1]
        lab.forget_calls()
        print(json.dumps(env), flush=True)
        sys.stdin.read()


def ours(env: dict[str, str], site: Site) -> Runner:
    cluster = open_hypervisor(resolve_settings(env))

    def run() -> object:
        plan = diff(site, read_actual(cluster, site), lambda address: address.name)
        if not plan.is_empty:
            raise SystemExit(f"the plan is not empty: {plan.changes[:3]} {plan.conflicts[:3]}")
        return plan

    return run


def floor(env: dict[str, str], site: Site) -> Runner:
    import urllib3

    context = ssl.create_default_context(cafile=env["HOMEPROD_CA_FILE"])
    pool = urllib3.PoolManager(maxsize=READERS, block=True, ssl_context=context)
    headers = {"Authorization": f"PVEAPIToken={env['HOMEPROD_TOKEN']}"}
    base = f"{env['HOMEPROD_ENDPOINT']}/api2/json"
    vmids = [machine.vmid for machine in desire(site).values()]
    paths = ["/version", "/access/permissions", "/cluster/resources", "/nodes/pve/storage/local/content"]
    paths += [f"/nodes/pve/qemu/{vmid}/pending" for vmid in vmids]

    def read(path: str) -> int:
        answer = pool.request("GET", f"{base}{path}", headers=headers, retries=False)
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status}")
        return len(answer.data)

    def run() -> object:
        with ThreadPoolExecutor(READERS) as threads:
            return sum(threads.map(read, paths))

    return run


def measure(runners: dict[str, Runner], rounds: int) -> dict[str, float]:
    """Median seconds by name; a round first, not counted, opens the connections."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for number in range(rounds + 1):
        for name, run in runners.items():
            start = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.size)
    ease_collection()
    site = make_site(arguments.size)
    command = [sys.executable, __file__, "--serve", "--size", str(arguments.size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        env = json.loads(server.stdout.readline() if server.stdout else "")
        seconds = measure({"ours": ours(env, site), "floor": floor(env, site)}, arguments.rounds)
        server.communicate()
    mine, theirs = seconds["ours"], seconds["floor"]
    line = {
        "name": "plan",
        "size": arguments.size,
        "against": "floor",
        "ours_s": round(mine, 3),
        "theirs_s": round(theirs, 3),
        "ratio": round(mine / theirs, 2),
    }
    print(
        json.dumps(line)
        if arguments.json
        else f"{arguments.size} machines: ours {mine:.2f} s, the bare reads {theirs:.2f} s ({line['ratio']})"
    )
    return None


if __name__ == "__main__":
    main()

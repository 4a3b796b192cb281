"""What a request costs: our connection against proxmoxer and other HTTP clients, for many reads of the same lab.

    bench/transport.py [--size 1000] [--rounds 3] [--json]

Each line compares the wall-clock seconds of ``size`` GETs of ``/nodes/pve/qemu/N/pending``, answers parsed, at a
number of threads; ``ratio`` is ours through theirs. ``floor`` is urllib3 with the bodies thrown away. The rounds are
interleaved and the medians compared. The lab runs in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
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
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

MACHINES = 20
THREADS = (1, 4, 8, 16)
Runner = Callable[[int, int], None]
"""Reads ``size`` times at ``threads`` threads."""


def serve() -> None:
    """A no-boot lab with a few machines, until standard input ends."""
    from tests.lab_server import LabServer

    from homeprod.drivers.proxmox import open_hypervisor, resolve_settings
    from homeprod.plan.config import Config, NewDrive, Nic

    with LabServer() as lab:
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        with closing(open_hypervisor(resolve_settings(env))) as hypervisor:
            for vmid in range(100, 100 + MACHINES):
                config: Config = {
                    "name": f"bench-{vmid}",
                    "memory": 2048,
                    "cores": 2,
                    "net0": Nic("virtio", f"BC:24:11:00:00:{vmid:02X}", "vmbr0"),
                    "scsi0": NewDrive("local-lvm", 32 * 1024**3),
                    "description": "a note of some length " * 8,
                }
                hypervisor.wait(hypervisor.create_machine("pve", vmid, config))
        print(json.dumps(env), flush=True)
        sys.stdin.read()


def in_threads(read: Callable[[str], Any]) -> Runner:
    def run(size: int, threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda number: read(str(100 + number % MACHINES)), range(size)):
                pass

    return run


def ours(env: dict[str, str]) -> Runner:
    from homeprod.drivers.proxmox import Connection, resolve_settings

    settings = resolve_settings(env)
    connection = Connection(settings.endpoint, settings.credential, settings.trust)
    return in_threads(lambda vmid: connection.get(f"/nodes/pve/qemu/{vmid}/pending"))


def proxmoxer(env: dict[str, str]) -> Runner:
    from proxmoxer import ProxmoxAPI
    from requests.adapters import HTTPAdapter

    user, _, rest = env["HOMEPROD_TOKEN"].partition("!")
    name, _, secret = rest.partition("=")
    host = env["HOMEPROD_ENDPOINT"].removeprefix("https://")
    api = ProxmoxAPI(host, user=user, token_name=name, token_value=secret, verify_ssl=env["HOMEPROD_CA_FILE"])
    # Its own pool holds ten connections and throws the others away.
    api._store["session"].mount("https://", HTTPAdapter(pool_maxsize=max(THREADS)))
    return in_threads(lambda vmid: api.nodes("pve").qemu(vmid).pending.get())


def requests_session(env: dict[str, str]) -> Runner:
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.verify, session.trust_env = env["HOMEPROD_CA_FILE"], False
    session.headers["Authorization"] = f"PVEAPIToken={env['HOMEPROD_TOKEN']}"
    session.mount("https://", HTTPAdapter(pool_maxsize=max(THREADS)))
    url = f"{env['HOMEPROD_ENDPOINT']}/api2/json/nodes/pve/qemu"
    return in_threads(lambda vmid: session.get(f"{url}/{vmid}/pending", timeout=30).json()["data"])


def floor(env: dict[str, str]) -> Runner:
    import urllib3

    context = ssl.create_default_context(cafile=env["HOMEPROD_CA_FILE"])
    pool = urllib3.PoolManager(maxsize=max(THREADS), block=True, ssl_context=context)
    headers = {"Authorization": f"PVEAPIToken={env['HOMEPROD_TOKEN']}"}
    url = f"{env['HOMEPROD_ENDPOINT']}/api2/json/nodes/pve/qemu"
    return in_threads(lambda vmid: pool.request("GET", f"{url}/{vmid}/pending", headers=headers, retries=False).data)


def aiohttp(env: dict[str, str]) -> Runner:
    import aiohttp as client

    async def read_all(size: int, threads: int) -> None:
        context = ssl.create_default_context(cafile=env["HOMEPROD_CA_FILE"])
        headers = {"Authorization": f"PVEAPIToken={env['HOMEPROD_TOKEN']}"}
        gate = asyncio.Semaphore(threads)
        connector = client.TCPConnector(limit=threads, ssl=context)
        async with client.ClientSession(env["HOMEPROD_ENDPOINT"], connector=connector, headers=headers) as session:

            async def read(number: int) -> None:
                path = f"/api2/json/nodes/pve/qemu/{100 + number % MACHINES}/pending"
                async with gate, session.get(path) as answer:
                    json.loads(await answer.read())

            await asyncio.gather(*(read(number) for number in range(size)))

    return lambda size, threads: asyncio.run(read_all(size, threads))


def measure(runners: dict[str, Runner], size: int, threads: int, rounds: int) -> dict[str, float]:
    """Median seconds by name; one short round first opens the connections."""
    for run in runners.values():
        run(threads * 2, threads)
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            start = time.perf_counter()
            run(size, threads)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve()
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        env = json.loads(server.stdout.readline() if server.stdout else "")
        makers = {
            "ours": ours,
            "floor": floor,
            "proxmoxer": proxmoxer,
            "requests": requests_session,
            "aiohttp": aiohttp,
        }
        runners = {name: make(env) for name, make in makers.items()}
        for threads in THREADS:
            compare(runners, arguments.size, threads, arguments.rounds, as_json=arguments.json)
        server.communicate()
    return None


def compare(runners: dict[str, Runner], size: int, threads: int, rounds: int, *, as_json: bool) -> None:
    seconds = measure(runners, size, threads, rounds)
    mine = seconds.pop("ours")
    for name, theirs in seconds.items():
        line = {
            "name": "transport",
            "size": size,
            "threads": threads,
            "against": name,
            "ours_s": round(mine, 3),
            "theirs_s": round(theirs, 3),
            "ratio": round(mine / theirs, 2),
        }
        print(
            json.dumps(line)
            if as_json
            else f"{size} reads, {threads:2} threads: ours {mine:.2f} s, {name} {theirs:.2f} s ({line['ratio']})",
            flush=True,
        )


if __name__ == "__main__":
    main()

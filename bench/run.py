"""What a run costs beside what Ansible costs, and what a control node costs that has nothing to do.

    bench/run.py [--rounds 20] [--idle-seconds 30] [--json]

The node is real but for the keyholder: repositories fetched at every ring and their heads' signatures believed, a
durable ledger, a worker process a run, ansible-runner, events redacted and kept. ``ours`` is from a ring to the end
of its run in the ledger, ``plain ansible-playbook`` the same playbook, inventory and vault without homeprod; rounds
are interleaved and the medians compared. The host is this machine, by Ansible's local connection: a network would
weigh on both sides alike. ``run start`` is from the ring to the start of the ansible-playbook process, as the kernel
notes it (to 10 ms). ``idle`` is the proportional set size of the daemon, with its door open, and of a Ready keyholder
with its agents, and their CPU time, scaled to ten minutes; ``spare_mb`` is what a spare worker takes besides until it
is let go.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.setting.controlnode import HOST, OpenKeyholder, make_places, open_node, ring_and_wait
from bench.setting.figure import compare, show
from bench.setting.process import read_cpu, read_memory
from tests.keyholder_node import KeyholderNode, make_disk

from homeprod.control.daemon import ControlNode
from homeprod.control.hosts.host import RunStatus

TICK = 1 / os.sysconf("SC_CLK_TCK")
# A task's session is that of a worker of Ansible's, whose parent is ansible-playbook; field 22 of a stat is when the
# process started (proc(5)).
BORN = "cat /proc/$(cut -d' ' -f4 /proc/$(cut -d' ' -f6 /proc/self/stat)/stat)/stat"
TASKS = """    - ansible.builtin.shell: "%s"
      register: born
    - ansible.builtin.debug: {msg: "born {{ born.stdout.split()[21] }}"}
"""


def make_playbook(tasks: int) -> str:
    """None: one that tells its own birth."""
    return "- hosts: all\n  gather_facts: false\n  tasks:\n" + (
        "    - ansible.builtin.command: 'true'\n" * tasks if tasks else TASKS % BORN
    )


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def measure_start(rounds: int) -> list[float]:
    """Seconds from a ring to the birth of its ansible-playbook."""
    with tempfile.TemporaryDirectory() as folder:
        places = make_places(Path(folder), make_playbook(0))
        keyholder = OpenKeyholder(places.vault_socket("lab"))
        async with await keyholder.serve(), open_node(places, keyholder).run() as node:
            return [await measure_birth(node, number) for number in range(rounds + 1)][1:]


async def measure_birth(node: ControlNode, number: int) -> float:
    rung = time.clock_gettime(time.CLOCK_BOOTTIME)
    run = await ring_and_wait(node, number)
    assert run.status is RunStatus.SUCCESSFUL, run.problem
    texts = [json.loads(event.data).get("event", {}).get("message", "") for event in await node.ledger.events(run.id)]
    ticks = next(int(text.split()[1]) for text in texts if text.startswith("born "))
    return ticks * TICK - rung


async def measure_overhead(tasks: int, rounds: int) -> tuple[float, float]:
    """Median seconds of ours and of the plain one."""
    with tempfile.TemporaryDirectory() as folder:
        places = make_places(Path(folder), make_playbook(tasks))
        keyholder = OpenKeyholder(places.vault_socket("lab"))
        ours, plain = [], []
        async with await keyholder.serve(), open_node(places, keyholder).run() as node:
            for number in range(rounds + 1):
                start = time.perf_counter()
                run = await ring_and_wait(node, number)
                ours.append(time.perf_counter() - start)
                assert run.status is RunStatus.SUCCESSFUL, run.problem
                plain.append(await asyncio.to_thread(play_plainly, Path(folder)))
        return statistics.median(ours[1:]), statistics.median(plain[1:])


def play_plainly(folder: Path) -> float:
    """As a person would; with a password file, since there is no keyholder to ask."""
    password = folder / "password"
    password.write_text("of the benchmark's own vault\n")
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "--vault-id", f"lab@{password}"]
    argv += ["-i", "site/inventory.yml", "-i", str(folder / "vault" / "lab"), "--limit", HOST, "site.yml"]
    start = time.perf_counter()
    subprocess.run(argv, cwd=folder / "playbooks", check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure_idle(seconds: float) -> dict[str, float]:
    """MB of the daemon and of a keyholder with its agents, of a spare worker, and seconds of CPU in ten minutes."""
    with tempfile.TemporaryDirectory() as folder, KeyholderNode() as keyholder:
        persistent = Path(folder) / "disk"
        persistent.mkdir()
        disk = make_disk(persistent)
        keyholder.take(disk.folder).make_ready()
        assert keyholder.process is not None
        places, file = make_places(Path(folder), make_playbook(1)), Path(folder) / "places.json"
        places.write(file)
        argv = [sys.executable, str(Path(__file__).parent / "setting" / "controlnode.py"), str(file)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
            assert node.stdout is not None
            assert node.stdout.readline() == "ready\n"
            time.sleep(1)
            (spare,) = map(int, Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text().split())
            spared = read_memory(spare)
            os.kill(spare, signal.SIGKILL)  # as it ends when nobody needed it for ten minutes
            family = (node.pid, keyholder.process.pid, *keyholder.list_agents())
            before = sum(map(read_cpu, family))
            time.sleep(seconds)
            used = sum(map(read_cpu, family)) - before
            megabytes = sum(map(read_memory, family))
            node.communicate("")
    return {
        "pss_mb": round(megabytes, 1),
        "spare_mb": round(spared, 1),
        "cpu_s_in_10_min": round(used * 600 / seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--json", action="store_true", help="an object a line")
    options = parser.parse_args()
    starts = asyncio.run(measure_start(options.rounds))
    line = {"name": "run start", "p50_ms": round(statistics.median(starts) * 1000)}
    line |= {"p99_ms": round(percentile(starts, 0.99) * 1000), "limit_ms": 200, "load": round(os.getloadavg()[0], 2)}
    show(line, as_json=options.json)
    for tasks in (1, 20):
        ours, plain = asyncio.run(measure_overhead(tasks, max(options.rounds // 2, 1)))
        more = {"overhead_s": round(ours - plain, 3)}
        name = f"run of {tasks} {'task' if tasks == 1 else 'tasks'}"
        show(compare(name, 1, "plain ansible-playbook", ours, plain, **more), as_json=options.json)
    idle = measure_idle(options.idle_seconds)
    show({"name": "idle", **idle, "limits": "80 MB, 0.5 s"}, as_json=options.json)


if __name__ == "__main__":
    main()

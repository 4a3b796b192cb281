"""What it costs to keep things as git says: a control node's cycle, and an app host's.

    bench/reconcile.py [--hosts 100] [--checked 8] [--rounds 5] [--json]

A control node's cycle with nothing to do: the daemon's own upkeeper, reconciler, ledger and repositories, the latter
fetched over real ssh. ``cycle`` asks every host by a worker that says at once that nothing differs, so what is left
is the node's own work; against a bare ``git fetch`` of both repositories. ``checks`` asks a few hosts by the real
worker and the real Ansible over ssh; against ansible-playbook in check mode by hand, one a host and as many at once
(``each``), and a single one for all (``together``). ``cpu_s`` is of both sides' own processes, all that they start
included (not the sshd that is asked); ``requests`` and ``bytes`` are counted on the way to the git server.

An app host (root and a Debian with docker, in namespaces of its own): ours, with branches published from the app
repository and Harbormaster behind its guard, against plain Harbormaster that follows the apps' repositories. Both
timers are left out. ``push`` begins with the commit; ``downtime`` is between the last answer of the old version and
the first of the new, asked for every 20 ms; the new version's image has to be pulled from a registry on the host, and
has ``image_mb``. ``idle`` is a cycle with nothing to do, whose ``cpu_s`` has dockerd's own too.

Rounds are interleaved and the medians compared.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.setting.apphost import AppMachine, Kept, Ours, Plain, Pushed, open_app_machine, push_new_version
from bench.setting.byhand import Hand
from bench.setting.cost import Cost, Step, measure
from bench.setting.figure import compare, show
from bench.setting.traffic import Relay
from bench.setting.upkept import Upkept, open_upkept
from tests.kept_host import IMAGE
from tests.unit.control.runs.ssh_host import SshHost, serve_ssh

Both = Mapping[str, Kept]
BASE = 2
"""MB of an image without ballast."""
PARTS = {
    "seen": "push, until the host could see it",
    "answered": "push to the first answer of the new version",
    "ended": "push to the end of the run",
    "downtime": "downtime",
}
TASKS = """- hosts: all
  gather_facts: false
  tasks:
    - {name: folder, ansible.builtin.file: {path: "%(at)s", state: directory, mode: "0755"}}
    - {name: content, ansible.builtin.copy: {content: "as it should be\\n", dest: "%(at)s/content", mode: "0644"}}
    - {name: line, ansible.builtin.lineinfile: {path: "%(at)s/lines", line: "yes", create: true, mode: "0644"}}
    - {name: link, ansible.builtin.file: {src: "%(at)s/content", dest: "%(at)s/link", state: link}}
    - {name: gone, ansible.builtin.file: {path: "%(at)s/gone", state: absent}}
"""


def tell(name: str, size: int | None, against: str, ours: Cost, theirs: Cost, *, as_json: bool) -> None:
    more = {
        "ours_cpu_s": round(ours.cpu, 3),
        "theirs_cpu_s": round(theirs.cpu, 3),
        "ours_git_requests": ours.traffic.requests,
        "theirs_git_requests": theirs.traffic.requests,
        "ours_git_bytes": ours.traffic.bytes,
        "theirs_git_bytes": theirs.traffic.bytes,
    }
    show(compare(name, size, against, ours.seconds, theirs.seconds, **more), as_json=as_json)


@contextlib.contextmanager
def open_git_server(folder: Path) -> Iterator[tuple[SshHost, Relay]]:
    with serve_ssh(folder) as git:
        relay = Relay(git.port)
        try:
            yield git, relay
        finally:
            relay.close()


async def measure_cycle(hosts: int, rounds: int, playbook: str, *, is_real: bool) -> dict[str, Cost]:
    with tempfile.TemporaryDirectory() as room, open_git_server(Path(room)) as (git, relay):
        folder = Path(room) / "all"
        folder.mkdir()
        text = playbook % {"at": folder / "kept"}
        async with open_upkept(folder, git, relay.port, hosts, text, is_real=is_real).run() as node:
            hand = Hand(folder / "hand", node)
            return await measure(list_steps(node, hand, is_real=is_real), rounds, relay)


def list_steps(node: Upkept, hand: Hand, *, is_real: bool) -> dict[str, Step]:
    if not is_real:
        return {"ours": node.go_round, "fetch": in_thread(hand.fetch)}
    return {"ours": node.go_round, "each": in_thread(hand.check_each), "together": in_thread(hand.check_together)}


def in_thread(do: Callable[[], None]) -> Step:
    return lambda: asyncio.to_thread(do)


def show_control_node(options: argparse.Namespace) -> None:
    costs = asyncio.run(measure_cycle(options.hosts, options.rounds, TASKS, is_real=False))
    tell("cycle", options.hosts, "git fetch of both", costs["ours"], costs["fetch"], as_json=options.json)
    costs = asyncio.run(measure_cycle(options.checked, max(options.rounds // 2, 1), TASKS, is_real=True))
    for name, words in (("each", "an ansible-playbook a host"), ("together", "one ansible-playbook")):
        tell("checks", options.checked, words, costs["ours"], costs[name], as_json=options.json)


def show_app_host(options: argparse.Namespace) -> None:
    if obstacle := find_obstacle():
        print(f"bench: no app host is measured: {obstacle}", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, open_app_machine(Path(folder) / "machine") as at:
        for count in (1, 5):
            ours = Ours(at, name_apps("ours", count), IMAGE, 8100 + count)
            both: Both = {"ours": ours, "theirs": Plain(at, name_apps("plain", count), IMAGE, 8200 + count)}
            for kept in both.values():
                kept.run()
            show_idle(at, both, options)
            for megabytes in options.ballast if count == 1 else ():
                show_push(at, both, megabytes, options)
            ours.host.close()  # the containers of both


def find_obstacle() -> str:
    if os.geteuid() != 0:
        return "namespaces and a dockerd need root"
    return "" if shutil.which("mmdebstrap") else "its Debian is made by mmdebstrap, which is not installed"


def name_apps(side: str, count: int) -> list[str]:
    return [f"{side}-{count}-{number}" for number in range(count)]


def show_idle(at: AppMachine, both: Both, options: argparse.Namespace) -> None:
    steps = {name: in_thread(kept.run) for name, kept in both.items()}
    costs = asyncio.run(measure(steps, options.rounds, at.relay, at.read_docker_cpu))
    ours, theirs = costs["ours"], costs["theirs"]
    count = len(both["ours"].apps)
    tell(f"idle, {count} app{'s' * (count > 1)}", None, "plain Harbormaster", ours, theirs, as_json=options.json)


def show_push(at: AppMachine, both: Both, megabytes: int, options: argparse.Namespace) -> None:
    rounds: dict[str, list[Pushed]] = {name: [] for name in both}
    for number in range(max(options.rounds // 2, 1) + 1):
        for name, kept in both.items():
            pushed = push_new_version(at, kept, f"v{megabytes}.{number}", megabytes)
            if number:
                rounds[name].append(pushed)
    for part, words in PARTS.items():
        ours, theirs = (statistics.median(getattr(one, part) for one in rounds[name]) for name in both)
        line = compare(words, None, "plain Harbormaster", ours, theirs, image_mb=megabytes + BASE)
        show(line, as_json=options.json)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--checked", type=int, default=8, help="hosts that the real Ansible looks at")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ballast", type=int, nargs="+", default=[0, 100], help="MB that an image has besides")
    parser.add_argument("--part", choices=("node", "apps"), help="measure this part alone")
    parser.add_argument("--json", action="store_true", help="an object a line")
    options = parser.parse_args()
    if options.part != "apps":
        show_control_node(options)
    if options.part != "node":
        show_app_host(options)


if __name__ == "__main__":
    main()

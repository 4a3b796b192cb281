"""kill -9 of the daemon at random moments, under a stream of rings: nothing is lost, doubled, stuck or left behind.

HOMEPROD_KILLS says how often (50; `make soak`: 1,000), HOMEPROD_ANSIBLE_KILLS with the real Ansible (3; 20).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

KILLS = int(os.environ.get("HOMEPROD_KILLS", "50"))
ANSIBLE_KILLS = int(os.environ.get("HOMEPROD_ANSIBLE_KILLS", "3"))
HOSTS = ("lab-proxy", "lab-coder", "lab-media")
_ROOT = Path(__file__).parents[2]
_DAEMON = str(Path(__file__).with_name("control_daemon_process.py"))
_MARK = "HOMEPROD_TEST_DAEMON"


@dataclass
class Stream:
    """Rings of one host, one after the other; one that got no answer is repeated with the same id, as apply does."""

    host: str
    sent: int = 0
    unanswered: str = ""
    answers: dict[str, int] = field(default_factory=dict)

    def next(self) -> str:
        if not self.unanswered:
            self.sent += 1
            self.unanswered = f"msg_{self.host}_{self.sent}"
        return self.unanswered

    def take(self, name: str, run: int) -> None:
        assert self.answers.setdefault(name, run) == run, f"{name} was answered as another ring"
        self.unanswered = ""


class Client:
    def __init__(self, folder: Path, streams: list[Stream], work: str) -> None:
        self._folder = folder
        self._work = work
        self._streams = {stream.host: stream for stream in streams}

    async def start(self) -> asyncio.subprocess.Process:
        self.ready = asyncio.Event()
        ours, theirs = socket.socketpair()
        room = self._folder / "room"
        room.mkdir(exist_ok=True)
        env = {**os.environ, _MARK: str(self._folder), "RUNTIME_DIRECTORY": str(room)}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), env.get("PYTHONPATH"))))
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, _DAEMON, str(self._folder), self._work, stdin=theirs.fileno(), env=env
            )
        self.reader, self.writer = await asyncio.open_connection(sock=ours)
        return process

    async def stream(self, rounds: int = 0) -> None:
        """Ring until the daemon is gone, or each host ``rounds`` times."""
        left = dict.fromkeys(self._streams, rounds)
        while line := await self.reader.readline():
            answer = json.loads(line)
            self.ready.set()
            hosts = list(self._streams)
            if "run" in answer:
                host = answer["id"].split("_")[1]
                self._streams[host].take(answer["id"], answer["run"])
                hosts, left[host] = [host], left[host] - 1
            for host in hosts:
                if rounds == 0 or left[host] > 0:
                    self._ring(host)
            if rounds and not any(left.values()):
                return

    def _ring(self, host: str) -> None:
        self.writer.write(json.dumps({"id": self._streams[host].next(), "host": host}).encode() + b"\n")


async def kill_at_random(client: Client, rng: random.Random, seconds: float) -> None:
    process = await client.start()
    streaming = asyncio.create_task(client.stream())
    # A few die before they have said anything: amid the recovery of what the one before has left.
    if rng.random() < 0.8:
        await asyncio.wait_for(client.ready.wait(), 60)
    await asyncio.sleep(rng.uniform(0, seconds))
    process.kill()
    await process.wait()
    with suppress(ConnectionError):
        await streaming
    client.writer.close()


async def live_through(folder: Path, streams: list[Stream], kills: int, work: str, seconds: float) -> None:
    """Killed so often, each time within so many ``seconds`` of being ready; then left to end its work."""
    rng = random.Random(int(os.environ.get("HOMEPROD_SEED", "1")))  # noqa: S311 (moments, no secrets)
    client = Client(folder, streams, work)
    for _ in range(kills):
        await kill_at_random(client, rng, seconds)
    process = await client.start()
    await asyncio.wait_for(client.stream(rounds=2), 60)
    async with asyncio.timeout(60):
        while read(folder, "SELECT count(*) FROM hosts WHERE state != 'idle'") != [(0,)]:
            await asyncio.sleep(0.05)
    client.writer.write_eof()
    assert await process.wait() == 0
    client.writer.close()


def read(folder: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "control.db", timeout=30)) as connection:
        return connection.execute(statement).fetchall()


def find_children(folder: Path) -> list[str]:
    """Every process that a daemon of this test has started, and its own."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"{_MARK}={folder}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().decode())
        except OSError:
            continue  # it has ended meanwhile
    return found


async def wait_for_no_children(folder: Path) -> None:
    async with asyncio.timeout(30):
        while find_children(folder):
            await asyncio.sleep(0.05)


@pytest.mark.timeout(120 + 3 * KILLS)
def test_a_daemon_that_is_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    streams = [Stream(host) for host in HOSTS]
    asyncio.run(live_through(tmp_path, streams, KILLS, "short", 0.2))
    assert_nothing_lost(tmp_path, streams)
    notes = (tmp_path / "notes").read_text().split()
    assert "overlap" not in notes, "no two runs of one host at once"
    assert notes.count("begin") > notes.count("end"), "some were cut off amid their work"


@pytest.mark.timeout(120 + 10 * ANSIBLE_KILLS)
def test_a_daemon_that_is_killed_while_ansible_plays_loses_nothing(tmp_path: Path) -> None:
    streams = [Stream(host) for host in HOSTS[:2]]
    local = '{ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}'
    hosts = ", ".join(f"{stream.host}: {local}" for stream in streams)
    (tmp_path / "hosts.yml").write_text(f"all: {{hosts: {{{hosts}}}}}\n")
    task = "{name: wait, ansible.builtin.command: sleep 0.5}"
    (tmp_path / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks: [{task}]\n")
    asyncio.run(live_through(tmp_path, streams, ANSIBLE_KILLS, "ansible", 2.0))
    assert_nothing_lost(tmp_path, streams)
    assert "successful" in str(read(tmp_path, "SELECT status FROM runs"))


def assert_nothing_lost(tmp_path: Path, streams: list[Stream]) -> None:
    kept = dict(read(tmp_path, "SELECT id, run FROM rings"))
    answered = {name: run for stream in streams for name, run in stream.answers.items()}
    assert answered, "it was rung at all"
    assert kept == answered, "no ring that was answered is lost, and none has another run than was said"
    assert read(tmp_path, "SELECT id FROM runs WHERE status IN ('queued', 'running')") == []
    applied = dict(read(tmp_path, "SELECT name, applied_instance FROM hosts"))
    assert applied == {stream.host: f"msg_{stream.host}_{stream.sent}" for stream in streams}
    asyncio.run(wait_for_no_children(tmp_path))

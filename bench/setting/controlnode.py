"""A control node to be measured: real repositories, ledger, reconciler, workers and Ansible; only the keyholder,
which a benchmark has no passphrase for, is always open."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.control.daemon import ControlNode
from homeprod.control.hosts.host import Ring, Run
from homeprod.control.keyholder.watch import StandingReport
from homeprod.control.places import Places
from homeprod.control.runs.launcher import ProcessLauncher
from homeprod.control.settings import EnvironmentSettings, KeyOwner, NodeSettings
from homeprod.control.state import NodeState

HOST = "lab-proxy"
WORKER = (sys.executable, "-m", "homeprod.control.runs.worker")
PASSWORD = b"of the benchmark's own vault"
INVENTORY = """
all:
  hosts:
    lab-proxy:
      ansible_host: 127.0.0.1
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
      homeprod_environment: lab
      homeprod_control_node: lab-ansible
"""


@dataclass
class OpenKeyholder:
    socket: Path
    nonces: set[str] = field(default_factory=set)

    async def watch(self) -> AsyncIterator[StandingReport]:
        yield StandingReport(NodeState.READY, 0)
        await asyncio.Event().wait()

    async def open_run(self, environment: str, run: str, uid: int) -> str:
        self.nonces.add(nonce := f"{environment}-{run}-{uid}")
        return nonce

    async def close_run(self, nonce: str) -> bool:
        self.nonces.discard(nonce)
        return True

    async def serve(self) -> asyncio.Server:
        self.socket.parent.mkdir(parents=True)
        return await asyncio.start_unix_server(self._answer, self.socket)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonce = (await reader.readline()).decode().strip()
        writer.write(PASSWORD if nonce in self.nonces else b"")
        await writer.drain()
        writer.close()


def make_places(folder: Path, playbook: str, inventory: str = INVENTORY, hosts: Sequence[str] = (HOST,)) -> Places:
    """With settings, and both repositories served as files; commits are signed."""
    places = Places.below(folder / "node")
    for place in (places.persistent, places.cache, places.runtime):
        place.mkdir(parents=True)
    key = folder / "sean"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    commit(folder / "playbooks", key, {"site.yml": playbook, "site/inventory.yml": inventory})
    vaulted = "".join(f"    {name}: {{}}\n" for name in hosts)
    commit(folder / "vault", key, {"lab/hosts.yml": f"all:\n  hosts:\n{vaulted}"})
    owner = KeyOwner(person="sean", key=key.with_suffix(".pub").read_text().strip())
    settings = NodeSettings(
        site_id="0b5c6f0e-9d7e-4d5f-8a43-000000000000",
        site_name="bench",
        node="lab-ansible",
        environments=(EnvironmentSettings(name="lab", branch="main", user="nobody"),),
        administrators=("sean",),
        ringers=(owner,),
        administrator_keys=(owner,),
        signers=(owner,),
        playbooks=f"file://{folder}/playbooks",
        vault=f"file://{folder}/vault",
    )
    places.settings.write_text(settings.model_dump_json())
    return places


def commit(folder: Path, key: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    who = ["-c", "user.name=Sean", "-c", "user.email=sean@example.org", "-c", "gpg.format=ssh"]
    git = ["git", "-C", str(folder), *who, "-c", f"user.signingkey={key}"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-S", "-m", "measured"]):
        subprocess.run([*git, *arguments], check=True)


def open_node(places: Places, keyholder: OpenKeyholder) -> ControlNode:
    return ControlNode(places, keyholder, lambda _: ProcessLauncher(WORKER), lambda _: os.getuid())


async def ring_and_wait(node: ControlNode, number: int) -> Run:
    """One ring, and its run when it has ended."""
    ended = asyncio.Event()
    stop = node.ledger.listen(lambda notice: ended.set() if notice.run else None)
    ring = Ring(f"msg_{number}", HOST, "lab", f"i{number}", ("ssh-ed25519 AAAA",), "sean", f"digest {number}")
    accepted = await node.ledger.ring(ring)
    while not (run := await node.ledger.run(accepted.run_id)).status.is_final:
        ended.clear()
        await ended.wait()
    stop()
    return run


async def idle(places: Places) -> None:
    """Ready and behind its door, with nothing to do, until standard input ends."""
    from homeprod.control.certificate import make_certificate
    from homeprod.web.door import open_door

    make_certificate(places.tls, "lab-ansible")
    keyholder, listener = OpenKeyholder(places.vault_socket("lab")), socket.create_server(("127.0.0.1", 0))
    node = open_node(places, keyholder)
    async with await keyholder.serve(), node.run(), open_door(node, places, listener):
        while not node.inventory():
            await asyncio.sleep(0.05)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(idle(Places.read(Path(sys.argv[1]))))

"""A daemon to be killed: ledger, reconciler and workers with something short in place of Ansible, or with Ansible.

`python control_daemon_process.py FOLDER short|ansible`, a socket as standard input: a JSON line a ring and an answer.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.unit.control.runs import node as parts

from homeprod.control.hosts.host import Ring
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.reconciler import Reconciler
from homeprod.control.state import NodeState

FOLDER = Path(sys.argv[1])
WORKER = Path(parts.__file__).with_name("short_worker.py")


async def answer(ledger: Ledger, wish: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    host, name = wish["host"], wish["id"]
    ring = Ring(name, host, "lab", name, ("ssh-ed25519 AAAA",), "sean", f"digest of {name}")
    accepted = await ledger.ring(ring)
    writer.write(json.dumps({"id": name, "run": accepted.run_id}).encode() + b"\n")


async def main() -> None:
    ledger = Ledger(FOLDER / "control.db")
    await ledger.open()
    short = parts.Desk(parts.make_job(FOLDER, playbook="claim 0.03"), (sys.executable, str(WORKER), str(FOLDER)))
    desk = short if sys.argv[2] == "short" else parts.Desk(parts.make_job(FOLDER))
    reconciler = Reconciler(ledger, desk, lambda: parts.SETTINGS, uuid.uuid4().hex, Backoff(0.05, 0.1))
    await reconciler.start()
    await reconciler.on_state(NodeState.READY)
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=0))
    writer.write(b'{"ready": true}\n')
    tasks = set()
    while line := await reader.readline():
        tasks.add(asyncio.create_task(answer(ledger, json.loads(line), writer)))
    await asyncio.gather(*tasks)
    await reconciler.stop()
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main())

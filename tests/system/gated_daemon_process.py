"""A whole daemon with a gate before prod, to be killed: `python gated_daemon_process.py PLACES NOTES`.

What plays is something short in place of Ansible, which notes in the folder NOTES when a run begins and ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.unit.control.fake_keyholder import FakeKeyholder
from tests.unit.control.runs import node as parts

from homeprod.control.daemon import ControlNode
from homeprod.control.places import Places
from homeprod.control.runs.backoff import Backoff
from homeprod.control.state import NodeState
from homeprod.control.upkeep import upkeeper

WORKER = str(Path(parts.__file__).with_name("short_worker.py"))


async def main() -> None:
    upkeeper.CALM, upkeeper._PAUSE, upkeeper._SPREAD = 0.0, 0.02, 0.0
    places = Places.read(Path(sys.argv[1]))
    keyholder = FakeKeyholder(places.vault_socket("prod"), state=NodeState.READY)
    argv = (sys.executable, WORKER, sys.argv[2])
    node = ControlNode(places, keyholder, lambda _: parts.start_workers(argv), lambda _: 0, Backoff(0.05, 0.1))
    async with node.run():
        print("up", flush=True)  # noqa: T201 (for whoever kills it)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

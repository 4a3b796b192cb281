"""A control node's runs for tests: a real ledger and reconciler, real worker processes, and a desk of our own."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from homeprod.control.hosts.condition import Condition
from homeprod.control.hosts.host import Accepted, Ring, Run, RunKind
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Turn
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.job import Job
from homeprod.control.runs.launcher import Launcher, ProcessLauncher
from homeprod.control.runs.preparation import TAGS
from homeprod.control.runs.reconciler import Reconciler
from homeprod.control.runs.units import read_blamed
from homeprod.control.settings import NodeSettings
from homeprod.control.state import NodeState

SETTINGS = NodeSettings(
    site_id="0b5c6f0e-9d7e-4d5f-8a43-000000000000",
    site_name="pegasus",
    node="lab-ansible",
    environments=(),
    administrators=(),
    ringers=(),
    administrator_keys=(),
    signers=(),
    playbooks="",
    vault="",
    run_limit=60,
    attempts=3,
)
WORKER = (sys.executable, "-m", "homeprod.control.runs.worker")


def find_test_room() -> Path:
    """Of this process's runs: other tests, beside it, have hosts of the same names. In memory, with a short path for
    ssh's sockets."""
    if given := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(given)
    room = Path(tempfile.mkdtemp(prefix="homeprod-test-", dir="/dev/shm"))
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    return room


ROOM = find_test_room()


def start_workers(argv: Sequence[str] = WORKER) -> ProcessLauncher:
    return ProcessLauncher(argv, {**os.environ, "RUNTIME_DIRECTORY": str(ROOM)})


@dataclass
class Desk:
    """Gives every run the same job, but for its host and number. ``obstacle`` is raised instead."""

    job: Job
    argv: Sequence[str] = WORKER
    obstacle: Exception | None = None
    released: list[int] = field(default_factory=list)

    async def prepare(self, turn: Turn) -> Job:
        if self.obstacle is not None:
            raise self.obstacle
        is_check = turn.run.kind is RunKind.CHECK
        tags = TAGS.get(turn.run.kind, ())
        blamed = read_blamed(turn.failures)
        return replace(self.job, run=turn.run.id, host=turn.host.name, is_check=is_check, tags=tags, blamed=blamed)

    async def release(self, job: Job) -> None:
        self.released.append(job.run)

    def find_launcher(self, environment: str) -> Launcher:
        assert environment == "lab"
        return start_workers(self.argv)


@dataclass
class Node:
    ledger: Ledger
    reconciler: Reconciler
    desk: Desk
    rings: int = 0
    patience: float = 100.0
    """Seconds until a wait is given up."""

    async def ring(self, host: str, instance: str = "") -> Accepted:
        self.rings += 1
        name = f"msg_{self.rings}"
        return await self.ledger.ring(
            Ring(name, host, "lab", instance or name, ("ssh-ed25519 AAAA",), "sean", f"digest of {name}")
        )

    async def check(self, *hosts: str) -> None:
        """Have them asked now."""
        await self.ledger.checks.plan(dict.fromkeys(hosts, self.ledger.clock.now()), hosts)

    async def wait_for_check(self, host: str) -> Condition:
        """What is known of the host after the check that it was planned for."""
        async with asyncio.timeout(self.patience):
            while True:
                due = (await self.ledger.checks.conditions())[host].due
                runs = await self.ledger.runs(1, host, "check")
                if due is None and runs and runs[0].status.is_final:
                    return (await self.ledger.checks.conditions())[host]  # it may have ended since
                await asyncio.sleep(0.01)

    async def until_checks(self, host: str, count: int = 1) -> Run:
        """The newest check of the host, once so many have ended."""
        async with asyncio.timeout(self.patience):
            while sum(one.status.is_final for one in await self.ledger.runs(500, host, "check")) < count:
                await asyncio.sleep(0.01)
        return (await self.ledger.runs(1, host, "check"))[0]

    async def wait_for(self, run: int) -> Run:
        """Until it has ended."""
        return await self.until(run, lambda found: found.status.is_final)

    async def until(self, run: int, holds: Callable[[Run], bool]) -> Run:
        async with asyncio.timeout(self.patience):
            while not holds(found := await self.ledger.run(run)):
                await asyncio.sleep(0.01)
        return found


def make_job(folder: Path, **facts: object) -> Job:
    """For the playbook ``site.yml`` and the inventory ``hosts.yml`` of ``folder``, without a vault."""
    job = Job(
        run=0,
        host="",
        environment="lab",
        revision="r1",
        playbooks=str(folder),
        inventories=(str(folder / "hosts.yml"),),
        known_hosts=(),
        address="127.0.0.1",
        agent_socket="",
        vault_socket="",
        nonce="",
        limit_seconds=60,
        fact_cache=str(folder / "facts"),
    )
    return replace(job, **facts)  # type: ignore[arg-type]


@asynccontextmanager
async def open_node(
    folder: Path, desk: Desk, settings: NodeSettings = SETTINGS, state: NodeState = NodeState.READY
) -> AsyncIterator[Node]:
    ledger = Ledger(folder / "control.db")
    await ledger.open()
    reconciler = Reconciler(
        ledger, desk, lambda: settings, f"daemon {secrets.token_hex(4)}", Backoff(first=0.05, longest=0.2)
    )
    await reconciler.start()
    await reconciler.on_state(state)
    try:
        yield Node(ledger, reconciler, desk)
    finally:
        await reconciler.stop()
        await ledger.close()


def tell(
    folder: Path, desk: Desk, story: Callable[[Node], Awaitable[None]], settings: NodeSettings = SETTINGS
) -> None:
    """Tell ``story`` with a node that is Ready meanwhile."""

    async def run() -> None:
        async with open_node(folder, desk, settings) as node:
            await story(node)

    asyncio.run(run())

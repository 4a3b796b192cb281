"""A control node that keeps many hosts: the daemon's own parts, and both repositories at a git server over ssh.

Hours pass when they are told to. What asks a host is a worker that says at once that nothing differs, or the real one
with the real Ansible.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.setting.controlnode import WORKER, OpenKeyholder, make_places
from tests.unit.control.runs.ssh_host import SshHost

from homeprod.control.hosts.clock import SteadyClock
from homeprod.control.hosts.host import Ring
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.inventory import InventoryHost
from homeprod.control.places import Places
from homeprod.control.promotion.gate import Gate
from homeprod.control.repositories.repositories import Repositories
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.job import Job
from homeprod.control.runs.launcher import Launcher, Message, ProcessLauncher
from homeprod.control.runs.preparation import Preparation
from homeprod.control.runs.reconciler import Reconciler
from homeprod.control.runs.spare import Spares
from homeprod.control.settings import NodeSettings, read_settings
from homeprod.control.state import NodeState
from homeprod.control.upkeep.upkeeper import Upkeeper
from homeprod.control.watchman import Watchman

CYCLE = 3600.0
_TICK = 0.005


class AgreeingChannel:
    """To a worker that finds nothing."""

    is_open = True

    async def hand_over(self, job: Job) -> None:
        assert job.is_check or job.revision

    async def __aiter__(self) -> AsyncIterator[Message]:
        yield {"end": {"status": "successful"}}

    async def cancel(self) -> None:
        return

    async def close(self) -> None:
        return


class AgreeingLauncher:
    async def launch(self) -> AgreeingChannel:
        return AgreeingChannel()


class SkippingClock(SteadyClock):
    skipped = 0.0

    def now(self) -> float:
        return super().now() + self.skipped


@dataclass
class Upkept:
    """``hosts`` are named ``host-N``, and all of them are this machine at one sshd."""

    places: Places
    launcher: Launcher
    key: str
    hosts: int
    clock: SkippingClock = field(default_factory=SkippingClock)

    def __post_init__(self) -> None:
        self._own = read_settings(self.places.settings)
        self.ledger = Ledger(self.places.database)
        self.ledger.clock = self.clock
        self._repositories = Repositories(lambda: self._own, self.places)
        self._watchman = Watchman(self._repositories, Backoff(), self._take_over)
        self.keyholder = OpenKeyholder(self.places.vault_socket("lab"))
        self._spares = Spares(lambda _: self.launcher)
        self._gate = Gate(self.ledger, self._watchman, self._repositories, self.settings)
        desk = Preparation(
            self._gate, self.keyholder, self.places, self.settings, self._spares, lambda _: os.getuid()
        )
        self._reconciler = Reconciler(self.ledger, desk, self.settings, "measured")
        self._upkeeper = Upkeeper(
            self.ledger, self._gate, self.settings, self.inventory, draw=lambda _: 0.0, gate=self._gate
        )

    def settings(self) -> NodeSettings:
        return self._own

    def inventory(self) -> dict[str, InventoryHost]:
        known = self._repositories.last("lab")
        return dict(known.inventory) if known else {}

    async def _take_over(self) -> None:
        await self.ledger.place_hosts({name: host.environment for name, host in self.inventory().items()})

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Upkept]:
        """Ready, each host configured once, and asked once."""
        await self.ledger.open()
        server = await self.keyholder.serve()
        await self._reconciler.start()
        try:
            await self._reconciler.on_state(NodeState.READY)
            self._spares.warm(("lab",))
            await self._configure()
            await self.go_round()
            yield self
        finally:
            await self._reconciler.stop()
            await self._spares.cool()
            await self._watchman.end()
            server.close()
            await self.ledger.close()

    async def _configure(self) -> None:
        for number in range(self.hosts):
            name = f"host-{number}"
            await self.ledger.ring(Ring(f"msg_{number}", name, "lab", "i1", (self.key,), "sean", f"digest {number}"))
        while sum(bool(host.applied_revision) for host in await self.ledger.hosts()) < self.hosts:
            await asyncio.sleep(_TICK)

    async def go_round(self) -> None:
        """One cycle: fetched, and every host asked. What is spread over minutes otherwise comes at once."""
        self.clock.skipped += CYCLE
        begun = self.clock.now()
        await self._upkeeper.step()
        while self._reconciler.running or await self.ledger.checks.find_next() is not None:
            await asyncio.sleep(_TICK)
        found = (await self.ledger.checks.conditions()).values()
        asked = sum(one.checked is not None and one.checked >= begun for one in found)
        assert asked == self.hosts, f"{asked} of {self.hosts} hosts were asked"
        assert not any(one.drift or one.problem or one.late for one in found), found


def open_upkept(folder: Path, git: SshHost, port: int, hosts: int, playbook: str, *, is_real: bool) -> Upkept:
    """Its repositories are behind ``port``, a way to the sshd ``git``; so are its hosts, at the sshd itself."""
    names = [f"host-{number}" for number in range(hosts)]
    places = make_places(folder, playbook, write_inventory(git, names), names)
    for agent in ("deploy", "lab"):
        places.agent_socket(agent).parent.mkdir(parents=True, exist_ok=True)
        places.agent_socket(agent).symlink_to(git.agent)
    address = f"ssh://{git.user}@127.0.0.1:{port}{folder}"
    facts = {"playbooks": f"{address}/playbooks", "vault": f"{address}/vault"}
    keys = {"git_host_keys": (f"[127.0.0.1]:{port} {git.key}",)}
    settings = read_settings(places.settings).model_copy(update={**facts, **keys})
    places.settings.write_text(settings.model_dump_json())
    launcher: Launcher = ProcessLauncher(WORKER) if is_real else AgreeingLauncher()
    return Upkept(places, launcher, git.key, hosts)


def write_inventory(at: SshHost, names: list[str]) -> str:
    facts = (
        f"ansible_host: 127.0.0.1, ansible_port: {at.port}, ansible_user: {at.user},"
        ' ansible_python_interpreter: "{{ ansible_playbook_python }}",'
        " homeprod_environment: lab, homeprod_control_node: lab-ansible"
    )
    lines = "".join(f"    {name}: {{{facts}}}\n" for name in names)
    return f"all:\n  hosts:\n{lines}"

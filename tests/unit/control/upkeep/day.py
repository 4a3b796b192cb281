"""A node's days in no time: a real ledger with a clock of the test's, and hosts that answer as they are told to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.unit.control.hosts.test_checks import SetClock
from tests.unit.control.runs.node import SETTINGS

from homeprod.control.hosts.condition import Finding
from homeprod.control.hosts.host import Ring, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Outcome
from homeprod.control.inventory import InventoryHost
from homeprod.control.repositories.errors import RepositoryError
from homeprod.control.repositories.repositories import Checkout
from homeprod.control.runs.backoff import Backoff
from homeprod.control.settings import EnvironmentSettings, NodeSettings, UpkeepSettings
from homeprod.control.upkeep.upkeeper import Upkeeper
from homeprod.control.watchman import Watchman

HOUR = 3600.0
CLEAN, DONE = Finding(RunStatus.SUCCESSFUL), Outcome(RunStatus.SUCCESSFUL)


def make_settings(upkeep: UpkeepSettings | None) -> NodeSettings:
    environments = (EnvironmentSettings(name="lab", branch="lab", user="homeprod-lab", upkeep=upkeep),)
    return SETTINGS.model_copy(update={"environments": environments})


@dataclass
class Origin:
    """Both repositories; ``is_down`` as a git server may be."""

    head: str = "r1"
    is_down: bool = False
    hosts: tuple[str, ...] = ("lab-proxy",)
    fetches: int = 0
    known: Checkout | None = None

    def last(self, environment: str) -> Checkout | None:
        assert environment == "lab"
        return self.known

    async def fetch(self, environment: str) -> Checkout:
        self.fetches += 1
        if self.is_down:
            raise RepositoryError("playbook", "the git host does not answer", where="git.example", hint="look at it")
        inventory = {name: InventoryHost(name, "192.0.2.1", environment, "lab-ansible") for name in self.hosts}
        if self.known is None or self.known.revision != self.head or set(self.known.inventory) != set(self.hosts):
            self.known = Checkout(environment, self.head, Path(), Path(), inventory, None)
        return self.known

    async def stop(self) -> None:
        return


@dataclass
class Day:
    """``finding`` and ``outcome`` are what the next checks and runs end with; ``began`` counts them by host."""

    ledger: Ledger
    clock: SetClock
    origin: Origin
    settings: NodeSettings
    finding: Finding = CLEAN
    outcome: Outcome = DONE
    on_run: Callable[[], None] = lambda: None
    checks: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    moments: list[float] = field(default_factory=list)
    """At which checks began."""

    def __post_init__(self) -> None:
        self.watchman = Watchman(self.origin, Backoff(), self._hear)  # type: ignore[arg-type]
        self.upkeeper = Upkeeper(
            self.ledger, self.watchman, lambda: self.settings, self._list_hosts, lambda most: most
        )

    async def _hear(self) -> None:
        return

    def _list_hosts(self) -> Mapping[str, InventoryHost]:
        return self.origin.known.inventory if self.origin.known else {}

    async def configure(self, host: str = "lab-proxy", revision: str = "r1") -> None:
        """Rung for and applied, by a person."""
        await self.ledger.ring(
            Ring(f"msg_{host}", host, "lab", "i1", ("ssh-ed25519 AAAA",), "sean", f"digest {host}")
        )
        turn = await self.ledger.claim("me")
        assert turn is not None
        await self.ledger.begin(turn.run, revision)
        await self.ledger.end(turn.run, DONE, 10_000)

    async def go_on(self, seconds: float) -> None:
        """Let so much time pass, with all that happens meanwhile."""
        end = self.clock.seconds + seconds
        while self.clock.seconds < end:
            pause = await self.upkeeper.step()
            if await self._work():
                self.clock.seconds += 1  # the ledger tells the upkeeper, which looks at once
                continue
            soon = [one for one in (await self.ledger.checks.find_next(), await self.ledger.find_next_due()) if one]
            self.clock.seconds = min(end, self.clock.seconds + max(min([pause, *soon]), 1.0))

    async def _work(self) -> bool:
        """Whether there was any."""
        count = self.checks.total() + self.runs.total()
        while turn := await self.ledger.claim("me") or await self.ledger.checks.claim("me"):
            head = self.origin.known.revision if self.origin.known else ""
            await self.ledger.begin(turn.run, head)
            if turn.run.kind == "configure":
                self.runs[turn.host.name] += 1
                self.on_run()
                await self.ledger.end(turn.run, self.outcome, 10_000)
                continue
            self.checks[turn.host.name] += 1
            self.moments.append(self.clock.seconds)
            await self.upkeeper.step()  # it may look while the host is asked: that takes its time
            is_late = self.finding.status is RunStatus.LATE
            await self.ledger.checks.end(
                turn.run,
                self.finding,
                lambda found, is_late=is_late: Backoff(60, HOUR, 0).wait(found.misses) if is_late else None,
                10_000,
            )
        return count != self.checks.total() + self.runs.total()


def live(
    folder: Path,
    story: Callable[[Day], Awaitable[None]],
    upkeep: UpkeepSettings | None = UpkeepSettings(),  # noqa: B008 (frozen)
    hosts: tuple[str, ...] = ("lab-proxy",),
) -> None:
    """Tell ``story`` of a node that became Ready at midnight in UTC; its hosts are as the head says."""

    async def tell() -> None:
        ledger = Ledger(folder / "control.db")
        ledger.clock = clock = SetClock(1_800_057_600.0)  # type: ignore[assignment]
        await ledger.open()
        day = Day(ledger, clock, Origin(hosts=hosts), make_settings(upkeep))
        try:
            for host in hosts:
                await day.configure(host)
            await story(day)
        finally:
            await ledger.close()

    asyncio.run(tell())


def push(day: Day, head: str) -> None:
    day.origin.head = head


def fail(problem: str, *, is_off: bool = False) -> Outcome:
    return replace(DONE, status=RunStatus.FAILED, problem=problem, is_off=is_off)

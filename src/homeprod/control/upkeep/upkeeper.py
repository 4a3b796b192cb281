"""The upkeeper: fetches in cycles, has hosts asked, and rings for those that the policy lets be put right.

Nothing that matters is kept in memory but when the next cycle begins: what is due and what was found is the ledger's,
and the checks themselves are the reconciler's, as all runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from typing import Protocol

from homeprod.control.hosts.condition import Condition
from homeprod.control.hosts.host import Host
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.store import Notice
from homeprod.control.inventory import InventoryHost
from homeprod.control.promotion.standing import Gated
from homeprod.control.repositories.repositories import Checkout
from homeprod.control.settings import EnvironmentSettings, NodeSettings, UpkeepSettings
from homeprod.control.upkeep.cycle import Cycle
from homeprod.control.upkeep.knocks import Knocks
from homeprod.control.upkeep.policy import foresee
from homeprod.core.errors import ControlError

_LOG = logging.getLogger("homeprod.control")
CALM = 60.0
"""Seconds after an unlock until the first cycle: what waits to be configured goes first."""
_SPREAD = 20.0
"""Seconds a host over which a cycle's checks are spread, a quarter of the cycle at most."""
_PAUSE = 1.0


class Checkouts(Protocol):
    async def fetch(self, environment: str) -> Checkout:
        """Raises ControlError where it cannot be had now."""
        ...

    def last(self, environment: str) -> Checkout | None:
        """What was fetched last."""
        ...


class Gate(Protocol):
    """Before environments that have one."""

    def gate(self, host: Host) -> Gated | None:
        """What it says of the host; None where its environment has none."""
        ...

    async def step(self) -> None:
        """Hosts follow what was admitted, one after the other. Raises StorageError."""
        ...


class Upkeeper:
    """``draw`` gives a number between 0 and its argument: when in a cycle a host is asked. Times are the ledger's."""

    def __init__(
        self,
        ledger: Ledger,
        checkouts: Checkouts,
        settings: Callable[[], NodeSettings],
        inventory: Callable[[], Mapping[str, InventoryHost]],
        draw: Callable[[float], float] = lambda most: random.uniform(0, most),  # noqa: S311 (no secret)
        gate: Gate | None = None,
    ) -> None:
        self._ledger, self._checkouts = ledger, checkouts
        self._settings, self._inventory, self._draw, self._gate = settings, inventory, draw, gate
        self._cycles: dict[str, Cycle] = {}
        self._kept: set[str] | None = None
        self._knocks = Knocks()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stop_listening: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """While the node is Ready."""
        now = self._ledger.clock.now()
        self._cycles = {
            one.name: Cycle(now + CALM, 60.0 * one.upkeep.every)
            for one in self._settings().environments
            if one.upkeep is not None
        }
        self._stop_listening = self._ledger.listen(self._hear)
        self._task = asyncio.create_task(self._work(), name="upkeeper")

    async def end(self) -> None:
        if self._task is None:
            return
        self._stop_listening()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task, self._cycles = None, {}

    def knock(self) -> None:
        """Somebody says that something was pushed. While the node is not Ready that is nothing to it: an unlock
        fetches by itself."""
        if self._task is not None:
            self._knocks.knock()
            self._wake.set()

    def find_next_cycle(self, environment: str) -> float | None:
        """Seconds since 1970; None where nobody looks, or not now."""
        known = self._cycles.get(environment)
        return known.begins if known is not None else None

    def _hear(self, notice: Notice) -> None:
        if notice.run == 0:
            self._wake.set()

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                seconds = await self.step()
            except ControlError as error:  # a full disk: what is due stays due
                _LOG.error("%s", error)
                seconds = _PAUSE
            except Exception as error:  # noqa: BLE001 (whatever it is, hosts are looked at on)
                _LOG.error("a mistake of the control node's own", exc_info=error)
                seconds = CALM
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            await asyncio.sleep(_PAUSE)  # what comes together is looked at together

    async def step(self) -> float:
        """Do what is due; the seconds until something else is. Raises StorageError."""
        now = self._ledger.clock.now()
        self._take_over_settings(now)
        knocked = self._knocks.take(now)
        for name, cycle in self._cycles.items():
            if knocked or cycle.wants_fetch(now):
                await self._fetch(name, cycle)
        if self._gate is not None:
            await self._gate.step()
        await self._plan(now)
        openings = await self._converge(now)
        knock = self._knocks.find_wait(now)
        known = [cycle.find_next() for cycle in self._cycles.values()] + openings
        known += [now + knock] if knock is not None else []
        return max(min(known, default=now + 3600.0) - self._ledger.clock.now(), 0.0)

    def _take_over_settings(self, now: float) -> None:
        """A commit may have changed how an environment is kept."""
        kept = {one.name: 60.0 * one.upkeep.every for one in self._settings().environments if one.upkeep is not None}
        self._cycles = {name: self._cycles.get(name) or Cycle(now, seconds) for name, seconds in kept.items()}
        for name, cycle in self._cycles.items():
            cycle.seconds, cycle.begins = kept[name], min(cycle.begins, now + max(kept[name], CALM))

    async def _fetch(self, environment: str, cycle: Cycle) -> None:
        """Why it failed is among the node's troubles; hosts are asked after the head that was believed last."""
        try:
            await self._checkouts.fetch(environment)
        except ControlError:
            cycle.note_fetched(self._ledger.clock.now(), has_failed=True)
        else:
            cycle.note_fetched(self._ledger.clock.now(), has_failed=False)

    async def _plan(self, now: float) -> None:
        """A cycle asks all hosts of its environment, and so does a head that is new: a knock alone asks nobody."""
        due: dict[str, float] = {}
        moved = []
        for name, cycle in self._cycles.items():
            known = self._checkouts.last(name)
            if known is None or not (cycle.is_due(now) or _name_heads(known) != cycle.heads):
                continue
            is_first = not cycle.heads and not cycle.is_due(now)  # what was recalled at the start is no news
            if not is_first:
                due |= self._spread(name, cycle, now)
            moved.append((cycle, _name_heads(known)))
        if due or self._list_kept() != self._kept:
            self._kept = self._list_kept()
            await self._ledger.checks.plan(due, self._kept)
        for cycle, heads in moved:
            cycle.heads = heads
        for cycle in self._cycles.values():
            if cycle.is_due(now):
                cycle.move_on(now)

    def _spread(self, environment: str, cycle: Cycle, now: float) -> dict[str, float]:
        hosts = self._list_hosts(environment)
        spread = min(cycle.seconds / 4, _SPREAD * len(hosts))
        return {host: now + self._draw(spread) for host in hosts}

    def _list_hosts(self, environment: str) -> list[str]:
        node = self._settings().node
        return [
            name
            for name, host in self._inventory().items()
            if (host.environment, host.control_node) == (environment, node)
        ]

    def _list_kept(self) -> set[str] | None:
        """None where some environment's hosts are not known yet: then nothing is forgotten of any."""
        if any(self._checkouts.last(one.name) is None for one in self._settings().environments):
            return None
        return {host for name in self._cycles for host in self._list_hosts(name)}

    async def _converge(self, now: float) -> list[float]:
        """Ring for those that may have a run now; when others may."""
        kept = {one.name: one for one in self._settings().environments if _converges(one)}
        if not kept:
            return []
        conditions, openings = await self._ledger.checks.conditions(), []
        for host in await self._ledger.hosts():
            checkout = self._checkouts.last(host.environment)
            if host.environment not in kept or checkout is None or host.name not in checkout.inventory:
                continue
            upkeep = kept[host.environment].upkeep or UpkeepSettings()
            gated = self._gate.gate(host) if self._gate is not None else None
            outlook = foresee(host, conditions.get(host.name), checkout.revision, upkeep, now, gated)
            if outlook.runs_now:
                may = _make_judge(checkout.revision, upkeep, now, gated)
                await self._ledger.checks.converge(host.name, may)
            elif outlook.at is not None:
                openings.append(outlook.at)
        return openings


def _name_heads(checkout: Checkout) -> str:
    """Of both repositories: what hosts should be comes from the vault too."""
    return f"{checkout.revision} {checkout.vault.name}"


def _converges(environment: EnvironmentSettings) -> bool:
    return environment.upkeep is not None and environment.upkeep.policy == "converge"


def _make_judge(
    head: str, upkeep: UpkeepSettings, now: float, gated: Gated | None
) -> Callable[[Host, Condition | None], bool]:
    return lambda host, condition: foresee(host, condition, head, upkeep, now, gated).runs_now

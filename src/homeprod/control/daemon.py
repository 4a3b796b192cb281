"""The daemon of a control node: ledger, repositories, reconciler and the keyholder's state, put together.

It never sees a passphrase, a private key or a vault password: those are the keyholder's, the agents' and a run's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from homeprod.control.hosts.errors import StorageError
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.inventory import InventoryHost
from homeprod.control.keyholder.watch import KeyholderWatch, StandingReport
from homeprod.control.pictures import list_pictures
from homeprod.control.places import Places
from homeprod.control.promotion.gate import Gate
from homeprod.control.promotion.standing import Standing
from homeprod.control.readiness import tell_systemd
from homeprod.control.repositories.repositories import Checkout, Repositories
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.launcher import Launcher, SocketLauncher
from homeprod.control.runs.preparation import Nonces, Preparation, find_uid
from homeprod.control.runs.reconciler import Reconciler
from homeprod.control.runs.spare import Spares
from homeprod.control.settings import NodeSettings, read_settings
from homeprod.control.snapshots import Snapshots
from homeprod.control.state import NodeState
from homeprod.control.trouble import Trouble
from homeprod.control.upkeep.keeping import Keeping, list_keepings
from homeprod.control.upkeep.upkeeper import Upkeeper
from homeprod.control.watchman import Watchman
from homeprod.core.errors import ControlError

_LOG = logging.getLogger("homeprod.control")
_PAUSE = 5.0
"""Seconds until a keyholder that refuses the daemon is asked again."""


class Keyholder(Nonces, Protocol):
    """What the daemon needs of it; :class:`KeyholderWatch` is the real one."""

    def watch(self) -> AsyncIterator[StandingReport]: ...


class ControlNode:
    """``launch`` gives the launcher of an environment's workers; without it they are systemd's."""

    def __init__(
        self,
        places: Places,
        keyholder: Keyholder | None = None,
        launch: Callable[[str], Launcher] | None = None,
        find_uid: Callable[[str], int] = find_uid,
        backoff: Backoff = Backoff(),  # noqa: B008 (frozen)
    ) -> None:
        self._own = read_settings(places.settings)
        self._keyholder: Keyholder = keyholder or KeyholderWatch(places.daemon_socket)
        self.ledger = Ledger(places.database)
        self.snapshots = Snapshots(places.snapshot_file)
        self._repositories = Repositories(lambda: self._own, places)
        self._watchman = Watchman(self._repositories, backoff, self._take_over)
        self._spares = Spares(launch or (lambda environment: SocketLauncher(places.run_socket(environment))))
        self._gate = Gate(self.ledger, self._watchman, self._repositories, self.settings)
        desk = Preparation(self._gate, self._keyholder, places, self.settings, self._spares, find_uid)
        self._upkeeper = Upkeeper(self.ledger, self._gate, self.settings, self.inventory, gate=self._gate)
        self._reconciler = Reconciler(self.ledger, desk, self.settings, uuid.uuid4().hex, backoff)
        self._standing = StandingReport(NodeState.LOCKED, 0)
        self._counted: tuple[tuple[Checkout, ...], Mapping[str, InventoryHost]] = ((), {})

    def settings(self) -> NodeSettings:
        """The newest that are believed: of the first environment's head that brings some, else those that came with
        the machine."""
        for environment in self._own.environments:
            checkout = self._repositories.last(environment.name)
            if checkout is not None and checkout.settings is not None:
                return checkout.settings
        return self._own

    def state(self) -> NodeState:
        return self._standing.state

    def since(self) -> float:
        """Seconds since 1970 at which the node came into its state."""
        return self._standing.since

    def environments(self) -> tuple[str, ...]:
        return tuple(environment.name for environment in self.settings().environments)

    def inventory(self) -> Mapping[str, InventoryHost]:
        """Every host of the site, other control nodes' too; each as the head of its own environment has it. Empty
        before the first fetch."""
        checkouts = self._list_checkouts()
        if checkouts != self._counted[0]:
            self._counted = checkouts, count_hosts(checkouts)
        return self._counted[1]

    def pictures(self) -> Mapping[str, Path]:
        """Of the site, by name, each of the first environment that has it."""
        return list_pictures(checkout.playbooks for checkout in self._list_checkouts())

    def _list_checkouts(self) -> tuple[Checkout, ...]:
        return tuple(one for name in self.environments() if (one := self._repositories.last(name)) is not None)

    def troubles(self) -> tuple[Trouble, ...]:
        """What a person should see to: why runs wait, which heads are not believed."""
        waiting, since = self._standing.waiting, self._standing.since
        own = (Trouble("keyholder", f"waiting: {waiting}", since),) if waiting else ()
        return (*own, *self._watchman.troubles, *self._gate.troubles)

    def promotions(self) -> tuple[Standing, ...]:
        """How it is at the gate, of each environment that has one."""
        return self._gate.standings

    async def look_again(self) -> None:
        """Fetch what the site has become since; what was pushed before the call is in it. What went wrong is among
        the troubles then, and raised to nobody. While the node is not Ready nothing is fetched."""
        for environment in self.environments() if self.state() is NodeState.READY else ():
            with contextlib.suppress(ControlError):
                await self._gate.fetch(environment)

    def knock(self) -> None:
        """Somebody says that something was pushed; nobody has to believe it."""
        self._upkeeper.knock()

    async def keepings(self) -> list[Keeping]:
        """How each host that the node knows is kept, by name."""
        heads = {name: one.revision for name in self.environments() if (one := self._repositories.last(name))}
        cycles = {name: self._upkeeper.find_next_cycle(name) for name in self.environments()}
        hosts, conditions = await self.ledger.hosts(), await self.ledger.checks.conditions()
        now = self.ledger.clock.now()
        return list_keepings(hosts, conditions, self.settings(), heads, cycles, now, self._gate.gate)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[ControlNode]:
        """Raises ControlError where the ledger cannot be opened."""
        await self.ledger.open()
        try:
            self.snapshots.recall()
            await self._repositories.recall()
            self._take_over_settings()
            await self._gate.recall(self.environments())
            await self._reconciler.start()
            following = asyncio.create_task(self._follow(), name="keyholder")
            try:
                yield self
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)  # whatever it is, runs are put back
                await self._upkeeper.end()
                await self._reconciler.stop()  # first: it puts back what waits for a fetch
                await self._watchman.end()
                await self._spares.cool()
        finally:
            await self.ledger.close()

    async def _follow(self) -> None:
        while True:
            try:
                async for standing in self._keyholder.watch():
                    await self._take(standing)
            except Exception as error:  # noqa: BLE001 (it refuses us, or we are wrong: nothing is known, so nothing runs)
                is_foreseen = isinstance(error, ControlError)
                _LOG.error("the keyholder's state: %s", error, exc_info=None if is_foreseen else error)
                words = str(error) if is_foreseen else f"a mistake of the control node's own: {type(error).__name__}"
                await self._take(StandingReport(NodeState.LOCKED, self._standing.since, waiting=words))
            await asyncio.sleep(_PAUSE)

    async def _take(self, standing: StandingReport) -> None:
        _LOG.info("%s is %s", self._own.node, standing.state.value)
        was_ready, self._standing = self._standing.state is NodeState.READY, standing
        is_ready = standing.state is NodeState.READY
        if is_ready and not was_ready:
            self._watchman.begin(self.environments())
            self._spares.warm(self.environments())
            self._upkeeper.begin()
        elif was_ready and not is_ready:
            await self._upkeeper.end()
        await self._reconciler.on_state(standing.state)
        if was_ready and not is_ready:
            await self._watchman.end()
            await self._spares.cool()

    async def _take_over(self) -> None:
        """What a fetch brought."""
        self._take_over_settings()
        own = {name: host.environment for name, host in self.inventory().items()}
        try:
            await self.ledger.place_hosts(own)
        except StorageError as error:  # the next fetch says it again
            _LOG.error("%s", error)
        for environment in self.environments():
            if self._gate.is_behind(environment):
                await self._judge(environment)

    async def _judge(self, environment: str) -> None:
        """What the gate says of a head that nobody asked it about."""
        try:
            await self._gate.look(environment)
        except ControlError as error:  # the next fetch says it again
            _LOG.error("%s", error)

    def _take_over_settings(self) -> None:
        self.ledger.rekey = self.settings().rekey


def count_hosts(checkouts: Sequence[Checkout]) -> Mapping[str, InventoryHost]:
    """Of all environments; where two know a host, its own environment's word counts."""
    known = {name: host for checkout in checkouts for name, host in checkout.inventory.items()}
    for checkout in checkouts:
        known |= {name: host for name, host in checkout.inventory.items() if host.environment == checkout.environment}
    return known


async def serve(places: Places, open_door: Callable[[ControlNode], AbstractAsyncContextManager[object]]) -> None:
    """Run a control node until SIGTERM or SIGINT. ``open_door`` is its face to the outside: open while it is entered.
    Raises ControlError where it cannot begin."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    async with ControlNode(places).run() as node, open_door(node):
        tell_systemd("READY=1")
        await over.wait()

"""A worker kept in readiness while the node is Ready, so that a run does not wait for one to start.

It has no job, no nonce and nothing else of a run's: it is a process that has loaded its code. It ends with the daemon
or the lock, like any worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from homeprod.control.runs.launcher import Channel, Launcher
from homeprod.core.errors import ControlError

PATIENCE = 600.0
"""Seconds that a spare is kept while nobody needs it: it is 15 MB, and without it a run starts a tenth of a second
later."""


class SpareLauncher:
    """Gives the spare one, or where there is none a new one."""

    def __init__(self, launcher: Launcher, patience: float = PATIENCE) -> None:
        self._launcher = launcher
        self._patience = patience
        self._spare: asyncio.Task[Channel] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._parting: list[asyncio.Task[Channel]] = []
        self._ending = asyncio.Lock()

    async def launch(self) -> Channel:
        if spare := self._take():
            try:
                channel = await spare
            except ControlError:
                return await self._launcher.launch()  # what kept it from starting may be over
            if channel.is_open:
                return channel
            await channel.close()
        return await self._launcher.launch()

    def refill(self) -> None:
        if self._spare is None:
            self._spare = asyncio.create_task(self._launcher.launch())
            self._timer = asyncio.get_running_loop().call_later(self._patience, self._let_go)

    async def close(self) -> None:
        """Returns when no spare is left. Where it is cut off it may be called again: they stay known."""
        if spare := self._take():
            self._parting.append(spare)
        async with self._ending:
            while self._parting:
                await _end(self._parting[0])
                del self._parting[0]

    def _take(self) -> asyncio.Task[Channel] | None:
        spare, self._spare = self._spare, None
        if self._timer is not None:
            self._timer.cancel()
        return spare

    def _let_go(self) -> None:
        self._leaving = asyncio.create_task(self.close())


async def _end(spare: asyncio.Task[Channel]) -> None:
    try:
        channel = await asyncio.shield(spare)
    except ControlError:
        return  # there was none
    await channel.close()


class Spares:
    """One an environment, from :meth:`warm` to :meth:`cool`; for ``patience`` seconds since the last run."""

    def __init__(self, launch: Callable[[str], Launcher], patience: float = PATIENCE) -> None:
        self._launch = launch
        self._patience = patience
        self._launchers: dict[str, SpareLauncher] = {}
        self._is_warm = False

    def find(self, environment: str) -> SpareLauncher:
        if environment not in self._launchers:
            self._launchers[environment] = SpareLauncher(self._launch(environment), self._patience)
        return self._launchers[environment]

    def warm(self, environments: tuple[str, ...]) -> None:
        self._is_warm = True
        for environment in environments:
            self.find(environment).refill()

    def refill(self, environment: str) -> None:
        """After a run, not at its start: there is enough to do then."""
        if self._is_warm:
            self.find(environment).refill()

    async def cool(self) -> None:
        self._is_warm = False
        for launcher in self._launchers.values():
            await launcher.close()

"""A worker kept in readiness while the node is Ready, so that a run does not wait for one to start.

It has no job, no nonce and nothing else of a run's: it is a process that has loaded its code. It ends with the daemon
or the lock, like any worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from homeprod.control.runs.launcher import Channel, Launcher
from homeprod.core.errors import ControlError


class SpareLauncher:
    """Gives the spare one, or where there is none a new one."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._spare: asyncio.Task[Channel] | None = None

    async def launch(self) -> Channel:
        spare, self._spare = self._spare, None
        if spare is not None:
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

    async def close(self) -> None:
        """Returns when the spare is gone. Where it is cut off it may be called again: the spare stays known."""
        spare = self._spare
        if spare is None:
            return
        try:
            channel = await asyncio.shield(spare)
        except ControlError:
            pass  # there was none
        else:
            await channel.close()
        self._spare = None


class Spares:
    """One an environment, from :meth:`warm` to :meth:`cool`."""

    def __init__(self, launch: Callable[[str], Launcher]) -> None:
        self._launch = launch
        self._launchers: dict[str, SpareLauncher] = {}
        self._is_warm = False

    def find(self, environment: str) -> SpareLauncher:
        if environment not in self._launchers:
            self._launchers[environment] = SpareLauncher(self._launch(environment))
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

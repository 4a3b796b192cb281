"""Fetches for a node that became Ready, until it can; and remembers, for people, why it cannot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from homeprod.control.repositories.errors import RepositoryError
from homeprod.control.repositories.repositories import Checkout, Repositories
from homeprod.control.runs.backoff import Backoff
from homeprod.core.errors import ControlError

_LOG = logging.getLogger("homeprod.control")


class Watchman:
    """Every fetch goes through it, so that what is wrong with a repository is known whoever asked. ``tell`` is called
    after each that brought something."""

    def __init__(self, repositories: Repositories, backoff: Backoff, tell: Callable[[], Awaitable[None]]) -> None:
        self._repositories = repositories
        self._tell = tell
        self._backoff = backoff
        self._problems: dict[str, tuple[str, ...]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def problems(self) -> tuple[str, ...]:
        """Why runs wait, or which newer heads are not believed; each once."""
        return tuple(dict.fromkeys(text for texts in self._problems.values() for text in texts))

    async def fetch(self, environment: str) -> Checkout:
        """Raises ControlError."""
        try:
            checkout = await self._repositories.fetch(environment)
        except ControlError as error:
            waiting = error.waiting if isinstance(error, RepositoryError) else f"waiting: {error}"
            self._problems[environment] = (waiting,)
            raise
        except Exception as error:  # what it is stands in the log; whoever asked has to wait, as for any other reason
            _LOG.error("fetching %s: a mistake of the control node's own", environment, exc_info=error)
            words = f"a mistake of the control node's own: {type(error).__name__}"
            self._problems[environment] = (f"waiting: {words}",)
            hint = "see what the node says, and report it\n    journalctl -u homeprod-control"
            raise ControlError(words, where=environment, hint=hint) from error
        self._problems[environment] = checkout.problems
        await self._tell()
        return checkout

    def begin(self, environments: Sequence[str]) -> None:
        """Fetch each, again and again until it can be had."""
        self._tasks = [asyncio.create_task(self._insist(one)) for one in environments]

    async def end(self) -> None:
        """Nothing is fetched any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._problems = [], {}
        await self._repositories.stop()

    async def _insist(self, environment: str) -> None:
        attempt = 1
        while True:
            try:
                await self.fetch(environment)
            except ControlError:
                await asyncio.sleep(self._backoff.wait(attempt))
                attempt += 1
            else:
                return

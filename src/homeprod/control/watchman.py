"""Fetches for a node that became Ready, until it can; and remembers, for people, why it cannot."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from homeprod.control.repositories.errors import RepositoryError
from homeprod.control.repositories.repositories import Checkout, Repositories
from homeprod.control.runs.backoff import Backoff
from homeprod.control.trouble import Trouble, name_subject
from homeprod.core.errors import ControlError

_LOG = logging.getLogger("homeprod.control")


class Watchman:
    """Every fetch goes through it, so that what is wrong with a repository is known whoever asked. ``tell`` is called
    after each that brought something."""

    def __init__(self, repositories: Repositories, backoff: Backoff, tell: Callable[[], Awaitable[None]]) -> None:
        self._repositories = repositories
        self._tell = tell
        self._backoff = backoff
        self._troubles: dict[str, tuple[Trouble, ...]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Why runs wait, or which newer heads are not believed; each once, however many environments have it."""
        first: dict[str, Trouble] = {}
        for trouble in sorted((one for own in self._troubles.values() for one in own), key=lambda one: one.since):
            first.setdefault(trouble.text, trouble)
        return tuple(first.values())

    def last(self, environment: str) -> Checkout | None:
        """What was fetched last."""
        return self._repositories.last(environment)

    async def fetch(self, environment: str) -> Checkout:
        """Raises ControlError."""
        try:
            checkout = await self._repositories.fetch(environment)
        except ControlError as error:
            waiting = error.waiting if isinstance(error, RepositoryError) else f"waiting: {error}"
            self._note(environment, waiting)
            raise
        except Exception as error:  # what it is stands in the log; whoever asked has to wait, as for any other reason
            _LOG.error("fetching %s: a mistake of the control node's own", environment, exc_info=error)
            words = f"a mistake of the control node's own: {type(error).__name__}"
            self._note(environment, f"waiting: {words}")
            hint = "see what the node says, and report it\n    journalctl -u homeprod-control"
            raise ControlError(words, where=environment, hint=hint) from error
        self._note(environment, *checkout.problems)
        await self._tell()
        return checkout

    def _note(self, environment: str, *texts: str) -> None:
        """What was troubled before is so since then, whatever is said of it now."""
        since = {one.about: one.since for one in self._troubles.get(environment, ())}
        subjects = {text: name_subject(text, "the site at its head") for text in texts}
        self._troubles[environment] = tuple(
            Trouble(about, text, since.get(about, time.time())) for text, about in subjects.items()
        )

    def begin(self, environments: Sequence[str]) -> None:
        """Fetch each, again and again until it can be had."""
        self._tasks = [asyncio.create_task(self._insist(one)) for one in environments]

    async def end(self) -> None:
        """Nothing is fetched any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._troubles = [], {}
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

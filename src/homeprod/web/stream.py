"""A run's events as they come: server-sent events (WHATWG HTML §9.2)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.store import Notice
from homeprod.core.refusal import Refusal
from homeprod.web.answer import SERVER, RefusedError
from homeprod.web.describe import describe_run

ALIVE_SECONDS = 15.0
"""Between two signs of life, so that nobody takes the line for dead."""
WRITE_SECONDS = 30.0
"""For a reader to take what was sent; one that does not is left."""
MOST_OF_PERSON, MOST = 8, 64
"""Streams at once."""
_PAGE = 50
"""Events that are read at once."""


class Streams:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._open: Counter[str] = Counter()

    async def send(self, request: web.BaseRequest, person: str, run: int, after: int) -> web.StreamResponse:
        """Until the run has ended and everything of it is sent. Raises RefusedError, UnknownRunError."""
        await self._ledger.run(run)
        with self._count(person), self._listen(run) as news:
            response = web.StreamResponse(
                headers={"Server": SERVER, "Content-Type": "text/event-stream", "Cache-Control": "no-store"}
            )
            response.force_close()
            await response.prepare(request)
            try:
                await self._send_all(response, run, after, news)
                await response.write_eof()
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
            except ConnectionError:
                pass  # whoever followed has gone
            return response

    async def _send_all(self, response: web.StreamResponse, run: int, after: int, news: asyncio.Event) -> None:
        while True:
            news.clear()
            known = await self._ledger.run(run)  # before its events: those of one that has ended are all there
            events = await self._ledger.events(run, after, _PAGE)
            if events:
                after = events[-1].seq
                await self._write(response, "".join(f"id: {one.seq}\ndata: {one.data}\n\n" for one in events))
            elif known.status.is_final:
                await self._write(response, f"event: end\ndata: {json.dumps(describe_run(known))}\n\n")
                return
            else:
                await self._wait(response, news)

    async def _wait(self, response: web.StreamResponse, news: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(ALIVE_SECONDS):
                await news.wait()
        except TimeoutError:
            await self._write(response, ": still here\n\n")

    async def _write(self, response: web.StreamResponse, text: str) -> None:
        async with asyncio.timeout(WRITE_SECONDS):
            await response.write(text.encode())

    @contextmanager
    def _count(self, person: str) -> Iterator[None]:
        if self._open[person] >= MOST_OF_PERSON or self._open.total() >= MOST:
            raise RefusedError(Refusal.TOO_MANY_STREAMS, message="too many runs are followed at once")
        self._open[person] += 1
        try:
            yield
        finally:
            self._open[person] -= 1

    @contextmanager
    def _listen(self, run: int) -> Iterator[asyncio.Event]:
        news = asyncio.Event()

        def hear(notice: Notice) -> None:
            if notice.run == run:
                news.set()

        end = self._ledger.listen(hear)
        try:
            yield news
        finally:
            end()

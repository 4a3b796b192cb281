"""Websockets held open through the whole way, and talked over all the while."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from tests.nginx_process import LIMIT, Way

PAUSE = 0.05
"""Seconds between one word and the next."""


@contextlib.contextmanager
def run_words() -> Iterator[int]:
    """The port of a service that says every word back, and answers whoever asks for no websocket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop, over = asyncio.new_event_loop(), asyncio.Event()
        thread = threading.Thread(target=loop.run_until_complete, args=(_serve_words(listener, over),))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join()
            loop.close()


async def _serve_words(listener: socket.socket, over: asyncio.Event) -> None:
    app = web.Application()
    app.router.add_get("/", _answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    await over.wait()
    await runner.cleanup()
    await _let_go()


async def _let_go() -> None:
    """A transport that is closed is rid of its socket in one of the next turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


async def _answer(request: web.Request) -> web.StreamResponse:
    line = web.WebSocketResponse()
    if not line.can_prepare(request):
        return web.Response(text="no websocket was asked for\n")
    await line.prepare(request)
    async for word in line:
        await line.send_str(word.data)
    return line


@contextlib.asynccontextmanager
async def open_session(way: Way) -> AsyncIterator[aiohttp.ClientSession]:
    context = ssl.create_default_context()
    way.authority.configure_trust(context)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0)) as session:
        yield session
    await asyncio.sleep(0.25)  # what TLS lies on is closed a little later (aiohttp's guide, graceful shutdown)


@dataclass
class Holding:
    """One connection: ``began`` and ``ended`` are moments of the monotonic clock, ``said`` how many words came back.
    It did not end where it was let go."""

    began: float
    said: int = 0
    ended: float | None = None


async def hold(session: aiohttp.ClientSession, way: Way, name: str, over: asyncio.Event, holding: Holding) -> None:
    """Until it is cut, or it is over. Every word must come back but the last."""
    url = f"wss://127.0.0.1:{way.passthrough.https}/"
    async with session.ws_connect(url, headers={"Host": name}, server_hostname=name) as line:
        while not over.is_set():
            word = str(holding.said)
            came = await _exchange(line, word)
            if came is None:
                holding.ended = time.monotonic()
                return
            assert came == word
            holding.said += 1
            await asyncio.sleep(PAUSE)


async def _exchange(line: aiohttp.ClientWebSocketResponse, word: str) -> str | None:
    try:
        await line.send_str(word)
        came = await line.receive(timeout=LIMIT)
    except (OSError, aiohttp.ClientError):
        return None
    return str(came.data) if came.type is aiohttp.WSMsgType.TEXT else None


async def keep_holding(session: aiohttp.ClientSession, way: Way, name: str, over: asyncio.Event) -> list[Holding]:
    """One after the other, each for as long as it is let."""
    holdings: list[Holding] = []
    while not over.is_set():
        holdings.append(Holding(time.monotonic()))
        await hold(session, way, name, over, holdings[-1])
    return holdings

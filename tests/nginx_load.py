"""Clients that keep asking, and connections that are held open, while nginx is given new configurations."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field

from tests.nginx_process import Way


@dataclass
class Tally:
    """``retried`` are requests on a kept connection that closed before any byte of the answer (RFC 9112 section
    9.3.1): they are sent once more, on a new one. ``failed`` is why, of the first few."""

    answered: int = 0
    retried: int = 0
    failed: list[str] = field(default_factory=list)


class Client:
    """One connection through the whole way, kept as long as it is let."""

    def __init__(self, way: Way, name: str, tally: Tally) -> None:
        self._port, self._name, self._tally = way.passthrough.https, name, tally
        self._context = ssl.create_default_context()
        way.authority.configure_trust(self._context)
        self._request = f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> None:
        is_kept = self._line is not None
        try:
            await self._ask_once()
        except ClosedBeforeAnswerError:
            await self.close()
            if not is_kept:
                self._tally.failed.append("a new connection closed without an answer")
                return
            self._tally.retried += 1
            await self._ask_once()
        self._tally.answered += 1

    async def _ask_once(self) -> None:
        if self._line is None:
            self._line = await asyncio.open_connection(
                "127.0.0.1", self._port, ssl=self._context, server_hostname=self._name
            )
        reader, writer = self._line
        try:
            writer.write(self._request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            raise ClosedBeforeAnswerError from error
        except ConnectionError as error:
            raise ClosedBeforeAnswerError from error
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        await reader.readexactly(int(fields[b"content-length"]))
        assert head.startswith(b"HTTP/1.1 200 "), head
        if fields.get(b"connection") == b"close":
            await self.close()

    async def close(self) -> None:
        if self._line is not None:
            self._line[1].close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await self._line[1].wait_closed()
            self._line = None


class ClosedBeforeAnswerError(Exception):
    """The connection was kept, and closed by the other side before a byte of the answer came."""


async def keep_asking(way: Way, names: tuple[str, ...], tally: Tally, over: asyncio.Event, clients: int) -> None:
    async def go_on(name: str) -> None:
        client = Client(way, name, tally)
        while not over.is_set():
            try:
                await client.ask()
            except (OSError, EOFError, ssl.SSLError, AssertionError) as error:
                tally.failed.append(repr(error))
                await client.close()
        await client.close()

    await asyncio.gather(*(go_on(names[number % len(names)]) for number in range(clients)))

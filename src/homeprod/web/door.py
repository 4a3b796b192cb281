"""The door itself: TLS with the node's own certificate, and a place for everybody however slow others are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from homeprod.control.places import Places
from homeprod.core.errors import ControlError
from homeprod.core.refusal import Refusal
from homeprod.web.access import Limits
from homeprod.web.answer import RefusedError
from homeprod.web.node import Node
from homeprod.web.server import explain_place, make_server

_LOG = logging.getLogger("homeprod.web")
_BACKLOG = 256
_GOODBYE = 0.5
"""Seconds for the other side's end of TLS, when we have ended ours."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for TLS to begin, and for a request's headers to be there; the body has its own. ``connections`` at
    once, of which so many of one address."""

    handshake: float = 5.0
    headers: float = 15.0
    connections: int = 512
    of_address: int = 128


@asynccontextmanager
async def open_door(
    node: Node,
    places: Places,
    listener: socket.socket | None = None,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    patience: Patience = Patience(),
) -> AsyncIterator[socket.socket]:
    """Answer at ``listener``, or at the port of the settings on every address, as long as this is entered. Raises
    ControlError where the certificate cannot be used or the port is taken."""
    tls = make_context(places)
    bound = listener or _bind(node.settings().port)
    porter = _Porter(bound, tls, make_server(node, limits), patience)
    work = asyncio.create_task(porter.work(), name="door")
    try:
        yield bound
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        bound.close()
        await porter.see_out()


def make_context(places: Places) -> ssl.SSLContext:
    """Raises ControlError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(places.tls / "certificate.pem", places.tls / "key.pem")
    except (OSError, ssl.SSLError) as error:
        hint = "the installation makes both files, where neither is there\n\n  ls -l /etc/homeprod/tls"
        raise ControlError(f"cannot use the door's certificate: {error}", where=str(places.tls), hint=hint) from error
    return context


def _bind(port: int) -> socket.socket:
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
        return socket.create_server(("", port), backlog=_BACKLOG)
    except OSError as error:
        hint = f"see who has it\n\n  ss -ltnp 'sport = :{port}'"
        raise ControlError(f"cannot open the door: {error.strerror}", where=f"port {port}", hint=hint) from error


class _Visitor(web.RequestHandler):
    """A connection, whose end can be waited for, and whose bad HTTP is answered like the rest."""

    def __init__(self, server: web.Server, **settings: Any) -> None:
        super().__init__(server, **settings)
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if not self.gone.done():
            self.gone.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 (these are aiohttp's)
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        if status >= 500 and exc is not None:
            _LOG.error("a mistake of homeprod's own: %s", explain_place(exc))
        response = RefusedError(Refusal.MISTAKE if status >= 500 else Refusal.MALFORMED).answer()
        response.force_close()
        return response


class _Porter:
    """Counts who is in before TLS begins, so that a silent stranger costs as little as there is."""

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext, server: web.Server, patience: Patience) -> None:
        self._listener, self._tls, self._server, self._patience = listener, tls, server, patience
        self._inside: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._outside: set[asyncio.Task[None]] = set()
        self._settings: dict[str, Any] = {
            "loop": asyncio.get_running_loop(),
            "keepalive_timeout": patience.headers,
            "lingering_time": 1.0,
            "auto_decompress": False,
            "access_log": None,
        }

    async def work(self) -> None:
        self._listener.setblocking(False)
        loop = asyncio.get_running_loop()
        while True:
            try:
                line, peer = await loop.sock_accept(self._listener)
            except OSError:  # out of descriptors, say: those who are in go on
                await asyncio.sleep(0.1)
                continue
            address = str(peer[0])
            if (
                self._inside.total() >= self._patience.connections
                or self._inside[address] >= self._patience.of_address
            ):
                line.close()
                continue
            self._inside[address] += 1
            task = asyncio.create_task(self._receive(line, address))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _receive(self, line: socket.socket, address: str) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 (this is one)
        self._outside.add(task)
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, visitor = await loop.connect_accepted_socket(
                lambda: _Visitor(self._server, **self._settings),
                line,
                ssl=self._tls,
                ssl_handshake_timeout=self._patience.handshake,
                ssl_shutdown_timeout=_GOODBYE,
            )
            self._outside.discard(task)
            await visitor.gone
        except (OSError, EOFError):
            line.close()  # it did not come to TLS
        finally:
            self._outside.discard(task)
            self._inside[address] -= 1
            if not self._inside[address]:
                del self._inside[address]

    async def see_out(self) -> None:
        """Those who are being answered get their answer; the others are not waited for."""
        for task in tuple(self._outside):
            task.cancel()  # TLS has not begun
        await self._server.shutdown(2.0)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # asyncio closes their sockets in the turn after this one

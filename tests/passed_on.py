"""The passthrough's nginx in front of gates that only tell what arrived: whom it came for, and every byte of it."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from tests.nginx_process import LIMIT, Nginx
from tests.ports import find_port

from homeprod.network.nginx.passthrough import Gate, Passthrough, render_passthrough

LOOPBACK = ip_address("127.0.0.1")


@dataclass(frozen=True)
class Arrival:
    """``gate`` is empty where no gate was reached, and the connection closed."""

    gate: str
    client: str = ""
    content: bytes = b""


@dataclass
class Hall:
    """Connections are made in a loop of the hall's own."""

    port: int
    loop: asyncio.AbstractEventLoop

    def send(self, *parts: bytes, pause: float = 0.0) -> Arrival:
        """What arrives of these, sent one after the other."""
        return asyncio.run_coroutine_threadsafe(self._send(parts, pause), self.loop).result(LIMIT * 2)

    def send_all(self, messages: Iterable[bytes], *, at_once: int = 64) -> list[Arrival]:
        """The same for many, each in one piece."""
        return asyncio.run_coroutine_threadsafe(self._send_all(list(messages), at_once), self.loop).result(600)

    async def _send_all(self, messages: list[bytes], at_once: int) -> list[Arrival]:
        turn = asyncio.Semaphore(at_once)

        async def send(message: bytes) -> Arrival:
            async with turn:
                return await self._send((message,), 0.0)

        return list(await asyncio.gather(*(send(message) for message in messages)))

    async def _send(self, parts: tuple[bytes, ...], pause: float) -> Arrival:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                if pause:
                    await asyncio.sleep(pause)
            length = sum(map(len, parts))
            return await asyncio.wait_for(_read_arrival(reader, writer, length), LIMIT)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read_arrival(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int) -> Arrival:
    """A gate answers with its name, the PROXY header, and the ``length`` bytes that came behind it."""
    try:
        gate = (await reader.readexactly(16)).decode().rstrip()
        header = (await reader.readuntil(b"\r\n")).decode().split(" ")
        content = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return Arrival("")
    own = writer.get_extra_info("sockname")
    assert header[2:] == [own[0], "127.0.0.1", str(own[1]), f"{writer.get_extra_info('peername')[1]}\r\n"]
    return Arrival(gate, header[2], content)


@contextlib.asynccontextmanager
async def _open_gate(name: str, port: int) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(f"{name:16}".encode())
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


@contextlib.contextmanager
def open_hall(folder: Path, routes: dict[str, str], default: str) -> Iterator[Hall]:
    names = sorted({*routes.values(), default})
    ports = {name: find_port() for name in names}
    gates = tuple(Gate(name, LOOPBACK, port) for name, port in ports.items())
    https, http = find_port(), find_port()
    values = Passthrough(
        routes,
        default,
        gates,
        https=https,
        http=http,
        folder=str(folder),
        logs=str(folder),
        pid=str(folder / "nginx.pid"),
        user=getpass.getuser(),
    )
    nginx, loop = Nginx(folder), asyncio.new_event_loop()
    over, is_up = asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for name, port in ports.items():
                await stack.enter_async_context(_open_gate(name, port))
            is_up.set()
            await over.wait()
        # Whoever still holds a connection notices its end, and the loop gets rid of the socket.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=LIMIT)
        await asyncio.sleep(0.1)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert is_up.wait(LIMIT)
        nginx.start(render_passthrough(values), https)
        yield Hall(https, loop)
    finally:
        nginx.stop()
        loop.call_soon_threadsafe(over.set)
        thread.join(LIMIT)
        loop.close()

"""Listener: a Unix socket, whom it is for, and what is done with each connection.

Each connection has a task and a deadline of its own, so that a slow or a silent client blocks nobody; of too many at
once the last ones are turned away.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from homeprod.control.keyholder.sockets.peer import Peer, find_peer
from homeprod.control.keyholder.sockets.wire import Message, receive

CONNECTIONS = 64
"""At once, on each socket."""
Serve = Callable[[socket.socket, Peer], Awaitable[None]]


class Listener:
    """Bound when made: with ``mode``, owned by ``uid`` and ``gid`` (-1: as it is)."""

    def __init__(self, path: Path, serve: Serve, *, mode: int = 0o600, uid: int = -1, gid: int = -1) -> None:
        self.path = path
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = _bind(path, mode, uid, gid)
        self._accepting = asyncio.create_task(self._accept())

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError:  # no descriptor is left for it: those that are served give theirs back
                await asyncio.sleep(0.05)
                continue
            if len(self._tasks) >= CONNECTIONS:
                connection.close()
                continue
            task = asyncio.create_task(self._attend(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _attend(self, connection: socket.socket) -> None:
        with connection:
            connection.setblocking(False)
            try:
                await self._serve(connection, find_peer(connection))
            except (OSError, TimeoutError):  # it went away or said nothing; the next one is not its concern
                return

    def close(self) -> None:
        """Take no more, break off those that are served, and take the socket away."""
        self._accepting.cancel()
        for task in self._tasks:
            task.cancel()
        self._socket.close()
        self.path.unlink(missing_ok=True)


def make_passage(folder: Path) -> None:
    """A folder that everybody may go through, to a socket that is theirs, and nobody may list. Whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


def _bind(path: Path, mode: int, uid: int, gid: int) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.setblocking(False)
    listening.bind(str(path))  # under umask 077: nobody else comes in before it has its owner
    os.chown(path, uid, gid)
    path.chmod(mode)
    listening.listen(CONNECTIONS)
    return listening


async def receive_message(connection: socket.socket, seconds: float) -> Message:
    """Raises WireError, TimeoutError, OSError."""
    loop = asyncio.get_running_loop()
    filling = receive()
    try:
        async with asyncio.timeout(seconds):
            room = next(filling)
            while True:
                room = filling.send(await loop.sock_recv_into(connection, room))
    except StopIteration as done:
        message: Message = done.value
        return message
    finally:
        filling.close()  # where it was broken off, what came so far is zeroed

"""One connection to a Unix socket that speaks JSON, an object a line (QMP and the guest agent both do)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

_LINE_LIMIT = 64 * 1024**2
"""Bytes. The agent answers a file-read of up to 48 MB in one line."""


class ChannelClosedError(Exception):
    """The other side is not there, or went away."""


class Channel:
    """An open connection. A cancelled or timed out read leaves it in no known state: close it then."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, message: dict[str, Any], *, prefix: bytes = b"") -> None:
        """Raises ChannelClosedError."""
        try:
            self._writer.write(prefix + json.dumps(message).encode() + b"\n")
            await self._writer.drain()
        except OSError as error:
            raise ChannelClosedError(str(error)) from error

    async def skip_past(self, byte: bytes) -> None:
        """Drop everything up to and with ``byte``. Raises ChannelClosedError."""
        try:
            await self._reader.readuntil(byte)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise ChannelClosedError("closed") from error

    async def receive(self) -> dict[str, Any]:
        """The next object. Raises ChannelClosedError."""
        try:
            line = await self._reader.readline()
        except OSError as error:
            raise ChannelClosedError(str(error)) from error
        if not line:
            raise ChannelClosedError("closed")
        message: dict[str, Any] = json.loads(line)
        return message


@asynccontextmanager
async def open_channel(socket: Path) -> AsyncIterator[Channel]:
    """Connect for the length of the block. Raises ChannelClosedError.

    The path is reached through a descriptor of its folder: a socket's address holds 107 bytes at most (unix(7)),
    and a lab's folder may lie deep.
    """
    try:
        folder = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        raise ChannelClosedError(str(error)) from error
    try:
        reader, writer = await asyncio.open_unix_connection(
            f"/proc/self/fd/{folder}/{socket.name}", limit=_LINE_LIMIT
        )
    except OSError as error:
        raise ChannelClosedError(str(error)) from error
    finally:
        os.close(folder)
    try:
        yield Channel(reader, writer)
    finally:
        writer.transport.abort()
        # One turn of the loop closes the socket, so that no warning about it comes later.
        await asyncio.sleep(0)

"""How a worker is started and spoken to: by connecting to a socket of systemd's, or as a process of our own.

The channel is the run's life: when the daemon's end of it closes, by whatever cause, the worker kills everything that
belongs to the run and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from homeprod.control.runs.job import Job
from homeprod.core.errors import ControlError

Message = dict[str, Any]
MOST_LINE = 4 * 1024 * 1024
"""Bytes of one message; the worker keeps below it by far."""
_PATIENCE = 20.0
"""Seconds for a worker to end after its channel was closed."""


class Channel(Protocol):
    """To one worker. Iterating gives its messages until it is gone."""

    @property
    def is_open(self) -> bool:
        """Whether the worker has not gone."""
        ...

    async def hand_over(self, job: Job) -> None:
        """What the worker waits for; once."""
        ...

    def __aiter__(self) -> AsyncIterator[Message]: ...

    async def cancel(self) -> None:
        """Ask for the run's end; its last messages still come."""
        ...

    async def close(self) -> None:
        """Have everything of the run killed; returns when the worker is gone."""
        ...


class Launcher(Protocol):
    async def launch(self) -> Channel:
        """A worker that waits for its job: it can start while the job is being prepared. Raises ControlError where
        none can be had."""
        ...


class SocketChannel:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def is_open(self) -> bool:
        return not self._reader.at_eof()

    async def hand_over(self, job: Job) -> None:
        with contextlib.suppress(ConnectionError):  # a worker that is gone already is seen when it is read from
            self._writer.write(job.render())
            await self._writer.drain()

    async def __aiter__(self) -> AsyncIterator[Message]:
        while line := await self._read_line():
            yield json.loads(line)

    async def cancel(self) -> None:
        with contextlib.suppress(ConnectionError):
            self._writer.write(b'{"cancel": true}\n')
            await self._writer.drain()

    async def close(self) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
            async with asyncio.timeout(_PATIENCE):
                while await self._reader.read(65536):
                    pass
        self._writer.close()
        # What is cut off here would take the end that all wait for with it, and close() may be called again.
        await asyncio.shield(self._wait_closed())

    async def _wait_closed(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _read_line(self) -> bytes:
        try:
            line = await self._reader.readline()
        except (ConnectionError, ValueError):
            return b""  # the worker was killed, or says what no worker says: either way it is over
        return line if line.endswith(b"\n") else b""


class ProcessChannel(SocketChannel):
    """To a worker that is our child, and has to be waited for."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, child: asyncio.subprocess.Process
    ) -> None:
        super().__init__(reader, writer)
        self._child = child

    async def close(self) -> None:
        await super().close()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._child.wait()
        except TimeoutError:
            self._child.kill()
            await self._child.wait()


class SocketLauncher:
    """Connects to a socket behind which systemd starts a worker for every connection (Accept=yes)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def launch(self) -> Channel:
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._path), limit=MOST_LINE)
        except OSError as error:
            hint = f"systemd listens there; see\n    systemctl status homeprod-{self._path.stem}.socket"
            raise ControlError(f"no worker can be had: {error.strerror}", where=str(self._path), hint=hint) from error
        return SocketChannel(reader, writer)


class ProcessLauncher:
    """Starts ``argv`` in a session of its own, with its end of the channel as standard input."""

    def __init__(self, argv: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self._argv = tuple(argv)
        self._environment = environment

    async def launch(self) -> Channel:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = await asyncio.create_subprocess_exec(
                    *self._argv,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                    env=self._environment,
                )
            except OSError as error:
                ours.close()
                hint = "the installation is not whole; put it there again\n    homeprod control upgrade"
                message = f"no worker can be started: {error.strerror}"
                raise ControlError(message, where=self._argv[0], hint=hint) from error
        reader, writer = await asyncio.open_connection(sock=ours, limit=MOST_LINE)
        return ProcessChannel(reader, writer, child)

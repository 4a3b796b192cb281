"""QEMU's monitor (QMP): one short connection for each question, so that nothing holds the socket for long."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from homeprod.core.errors import LabError
from homeprod.lab.guest.channel import Channel, ChannelClosedError, open_channel

_PATIENCE = 30.0


class Monitor:
    """The monitor behind ``socket``. QEMU serves one client at a time, so calls take turns."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._turn = asyncio.Lock()

    async def call(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """One command and its ``return``. Raises LabError with QEMU's own words, or when it does not answer."""
        try:
            async with self._turn, asyncio.timeout(_PATIENCE), open_channel(self._socket) as channel:
                await channel.receive()
                await _execute(channel, "qmp_capabilities", {})
                return await _execute(channel, command, arguments or {})
        except TimeoutError as error:
            raise LabError(f"QEMU did not answer {command} within {_PATIENCE:.0f} s") from error
        except ChannelClosedError as error:
            raise LabError(f"QEMU's monitor is not there: {error}", where=str(self._socket)) from error


async def _execute(channel: Channel, command: str, arguments: dict[str, Any]) -> Any:
    """Events may come between the command and its answer; they are passed over."""
    await channel.send({"execute": command, "arguments": arguments})
    while True:
        message = await channel.receive()
        if "return" in message:
            return message["return"]
        if "error" in message:
            raise LabError(str(message["error"].get("desc", message["error"])))

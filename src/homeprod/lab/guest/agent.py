"""The QEMU guest agent: commands over a virtio serial port, one connection for each.

The port keeps what nobody read. So every command first says ``guest-sync-delimited`` with a number of its own and
drops everything before that number's echo, as QEMU's docs/interop/qemu-ga-ref tells clients to.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeprod.core.errors import LabError
from homeprod.lab.guest.channel import Channel, ChannelClosedError, open_channel
from homeprod.lab.ports import AgentNotRunningError

_DELIMITER = b"\xff"
_SYNC_PATIENCE = 10.0
"""Seconds. An agent that runs at all answers in a few milliseconds, but an emulated machine may have to wait for
its turn on a busy processor."""
_ANSWER_PATIENCE = 60.0


class Agent:
    """The agent behind ``socket``; its port serves one client at a time, so calls take turns."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._turn = asyncio.Lock()

    async def call(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Raises AgentNotRunningError when nobody answers, LabError with the agent's own words."""
        async with self._turn:
            try:
                async with open_channel(self._socket) as channel:
                    await _synchronise(channel)
                    return await _execute(channel, command, arguments)
            except ChannelClosedError as error:
                raise AgentNotRunningError(str(error)) from error

    async def tell(self, command: str, arguments: Mapping[str, Any]) -> None:
        """A command that is not answered when it works (``guest-shutdown``). Raises AgentNotRunningError."""
        async with self._turn:
            try:
                async with open_channel(self._socket) as channel:
                    await _synchronise(channel)
                    await channel.send({"execute": command, "arguments": dict(arguments)})
                    # Closing at once could throw the command away before QEMU has passed it on.
                    await asyncio.sleep(0.5)
            except ChannelClosedError as error:
                raise AgentNotRunningError(str(error)) from error


async def _synchronise(channel: Channel) -> None:
    number = secrets.randbelow(2**31)
    try:
        async with asyncio.timeout(_SYNC_PATIENCE):
            # The delimiter ahead of the command ends a command that another client left half-said.
            await channel.send({"execute": "guest-sync-delimited", "arguments": {"id": number}}, prefix=_DELIMITER)
            while True:
                await channel.skip_past(_DELIMITER)
                if (await channel.receive()).get("return") == number:
                    return
    except TimeoutError as error:
        raise AgentNotRunningError("no answer") from error


async def _execute(channel: Channel, command: str, arguments: Mapping[str, Any]) -> Any:
    await channel.send({"execute": command, "arguments": dict(arguments)})
    try:
        async with asyncio.timeout(_ANSWER_PATIENCE):
            message = await channel.receive()
    except TimeoutError as error:
        raise LabError(f"{command}: no answer within {_ANSWER_PATIENCE:.0f} s") from error
    if "error" in message:
        raise LabError(str(message["error"].get("desc", message["error"])))
    return message.get("return")

"""What goes over the keyholder's sockets: a line of JSON, and behind it raw bytes for what is secret.

A raw field stands in the line as its length (``"passphrase": 17``) and follows in the order of :data:`RAW`. So a
passphrase never becomes a string of Python's, which cannot be erased: it is received into a bytearray and zeroed.
No input and output here: :func:`receive` is a generator that hands out room to fill, so that blocking clients and the
keyholder's loop share it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeprod.control.keyholder.errors import WireError

RAW = ("passphrase", "new_passphrase", "identity", "content")
"""Fields that are raw bytes, in their order on the wire."""
LINE_LIMIT = 64 * 1024
RAW_LIMIT = 4 * 1024 * 1024
"""Bytes of all raw fields of a message together."""
TEXT_LIMIT = 512 * 1024
"""Bytes that are encrypted at once: vault text is hex of hex, four times as long."""
Filling = Generator[memoryview, int, "Message"]


@dataclass(slots=True)
class Message:
    """``fields`` is what the line says, without the raw ones."""

    fields: dict[str, Any]
    raw: dict[str, bytearray] = field(default_factory=dict, repr=False)

    def wipe(self) -> None:
        """Zero what was raw."""
        for content in self.raw.values():
            wipe(content)

    def take_raw(self, name: str) -> bytearray:
        """Raises WireError where it is not there."""
        if name not in self.raw:
            raise WireError(f"the request has no {name}")
        return self.raw[name]

    def take_text(self, name: str) -> str:
        """A field that is a string, empty where it is not there. Raises WireError where it is something else."""
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise WireError(f"{name} is no text")
        return value


def wipe(content: bytearray) -> None:
    """Zero it in place."""
    content[:] = bytes(len(content))


def encode(fields: Mapping[str, Any], raw: Mapping[str, bytes | bytearray] | None = None) -> bytearray:
    """A message's bytes; whoever sends them zeroes them."""
    given = {name: (raw or {})[name] for name in RAW if name in (raw or {})}
    line = json.dumps({**fields, **{name: len(content) for name, content in given.items()}})
    data = bytearray(line.encode() + b"\n")
    for content in given.values():
        data += content
    return data


def receive() -> Filling:
    """Yields room to fill, is sent how many bytes came (0: the end), and returns the message. Raises WireError."""
    buffer = bytearray(LINE_LIMIT)
    filled = 0
    try:
        while (end := buffer.find(b"\n", 0, filled)) < 0:
            if filled == LINE_LIMIT:
                raise WireError("a message's first line is too long")
            filled += _count((yield memoryview(buffer)[filled:]))
        fields = _parse(buffer[:end])
        lengths = _take_lengths(fields)
        rest = yield from _receive_raw(memoryview(buffer)[end + 1 : filled], sum(lengths.values()))
        return Message(fields, _cut(rest, lengths))
    finally:
        buffer[:filled] = bytes(filled)


def _receive_raw(begun: memoryview, length: int) -> Generator[memoryview, int, bytearray]:
    if len(begun) > length:
        raise WireError("there is more behind the message than it says")
    content = bytearray(length)
    content[: len(begun)] = begun
    filled = len(begun)
    try:
        while filled < length:
            filled += _count((yield memoryview(content)[filled:]))
    except BaseException:  # it ended in the middle, or is not waited for any more
        wipe(content)
        raise
    return content


def _cut(content: bytearray, lengths: Mapping[str, int]) -> dict[str, bytearray]:
    raw, start = {}, 0
    for name, length in lengths.items():
        raw[name] = content[start : start + length]
        start += length
    wipe(content)
    return raw


def _count(arrived: int) -> int:
    if not arrived:
        raise WireError("the connection ended in the middle of a message")
    return arrived


def _parse(line: bytearray) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise WireError("a message's first line is no JSON object")
    return fields


def _take_lengths(fields: dict[str, Any]) -> dict[str, int]:
    lengths = {name: fields.pop(name) for name in RAW if name in fields}
    for name, length in lengths.items():
        if type(length) is not int or not 0 <= length <= RAW_LIMIT:
            raise WireError(f"{name} must be a length from 0 to {RAW_LIMIT}")
    if sum(lengths.values()) > RAW_LIMIT:
        raise WireError(f"a message carries at most {RAW_LIMIT} bytes")
    return lengths


def receive_from(connection: socket.socket) -> Message:
    """The next message of a blocking socket. Raises WireError, OSError."""
    filling = receive()
    room = next(filling)
    while True:
        try:
            room = filling.send(connection.recv_into(room))
        except StopIteration as done:
            message: Message = done.value
            return message

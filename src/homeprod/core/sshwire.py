"""Strings as SSH writes them on the wire: four bytes of length first (RFC 4251 §5)."""

from __future__ import annotations

import struct
from collections.abc import Iterator


def write_string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def read_strings(content: bytes) -> Iterator[bytes]:
    """Each of those that follow one another. Raises struct.error where the last one is cut short."""
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        if place + 4 + length > len(content):
            raise struct.error("cut short")
        yield content[place + 4 : place + 4 + length]
        place += 4 + length

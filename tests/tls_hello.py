"""ClientHellos (RFC 8446 section 4.1.2), as clients send them and as they might."""

from __future__ import annotations

import itertools
import random
import struct

HANDSHAKE = 22
RECORD_LIMIT = 2**14


def make_hello(name: bytes | None, *, size: int = 0, draw: random.Random | None = None) -> bytes:
    """The handshake message. ``name`` is put in as it is; None leaves the extension out. It is padded (RFC 7685) to
    ``size`` bytes, where that is more. ``draw`` shuffles extensions, as browsers do."""
    draw = draw or random.Random(0)  # noqa: S311 (no secret)
    extensions = [
        _extension(10, _list16(struct.pack("!HH", 29, 23))),  # supported_groups
        _extension(13, _list16(struct.pack("!HH", 0x0403, 0x0804))),  # signature_algorithms
        _extension(16, _list16(b"\x02h2\x08http/1.1")),  # ALPN
        _extension(43, b"\x04\x03\x04\x03\x03"),  # supported_versions
        _extension(51, _list16(struct.pack("!HH", 29, 32) + draw.randbytes(32))),  # key_share
    ]
    if name is not None:
        extensions.append(_extension(0, _list16(b"\x00" + _list16(name))))
    draw.shuffle(extensions)
    ciphers = struct.pack("!HHH", 0x1301, 0xC02B, 0xC02F)
    start = b"\x03\x03" + draw.randbytes(32) + b"\x20" + draw.randbytes(32) + _list16(ciphers) + b"\x01\x00"
    body = b"".join(extensions)
    lacking = size - (4 + len(start) + 2 + len(body) + 4)
    if lacking >= 0:
        body += _extension(21, bytes(lacking))
    message = start + _list16(body)
    return b"\x01" + struct.pack("!I", len(message))[1:] + message


def put_into_records(message: bytes, *cuts: int) -> bytes:
    """In TLS records that end at ``cuts``, and wherever one would be too long."""
    edges = sorted({0, *cuts, *range(RECORD_LIMIT, len(message), RECORD_LIMIT), len(message)})
    return b"".join(
        bytes([HANDSHAKE]) + b"\x03\x01" + struct.pack("!H", end - begin) + message[begin:end]
        for begin, end in itertools.pairwise(edges)
    )


def _list16(content: bytes) -> bytes:
    return struct.pack("!H", len(content)) + content


def _extension(kind: int, content: bytes) -> bytes:
    return struct.pack("!H", kind) + _list16(content)

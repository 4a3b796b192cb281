"""A request's body: never more of it in memory than is allowed, never waited for without end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from homeprod.core.refusal import Refusal
from homeprod.core.webhook import MOST_BYTES
from homeprod.web.answer import RefusedError

SECONDS = 10.0
"""Until the last byte is there."""


def require_length(request: web.BaseRequest, most: int = MOST_BYTES) -> None:
    """Raises RefusedError where it says itself that it is too large."""
    if request.content_length is not None and request.content_length > most:
        raise RefusedError(Refusal.TOO_LARGE)


async def read_body(request: web.BaseRequest, most: int = MOST_BYTES) -> bytes:
    """Raises RefusedError."""
    require_length(request, most)
    if not request.body_exists:
        return b""
    parts = bytearray()
    try:
        if request.content.is_eof() and request.content_length:  # it came with its headers, as a ring's mostly does
            return request.content.read_nowait()
        async with asyncio.timeout(SECONDS):
            while chunk := await request.content.readany():
                parts += chunk
                if len(parts) > most:
                    raise RefusedError(Refusal.TOO_LARGE)
    except TimeoutError:
        raise RefusedError(Refusal.TOO_SLOW) from None
    except web.RequestPayloadError:
        raise RefusedError(Refusal.MALFORMED) from None
    return bytes(parts)


def require_json(request: web.BaseRequest) -> None:
    """Raises RefusedError unless the body says that it is JSON, and as it is."""
    is_json = request.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "application/json"
    if not is_json or request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedError(Refusal.NOT_JSON)


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 in which no name comes twice. Raises RefusedError."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_require_unique)
    except (ValueError, RecursionError):
        raise RefusedError(Refusal.MALFORMED) from None
    if not isinstance(value, dict):
        raise RefusedError(Refusal.MALFORMED)
    return value


def _require_unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found

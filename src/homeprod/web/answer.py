"""Answers: JSON, with as few words about ourselves as HTTP allows."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from homeprod.core.refusal import Refusal

SERVER = "homeprod"
_HEADERS = {
    "Server": SERVER,  # else aiohttp names itself and Python, with their versions
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class RefusedError(Exception):
    """Ends a call with ``refusal``. ``fields`` go into the answer: only for those whose signature was good."""

    def __init__(self, refusal: Refusal, *, retry_after: float = 0, **fields: Any) -> None:
        super().__init__(refusal.word)
        self.refusal, self.retry_after, self.fields = refusal, retry_after, fields

    def answer(self) -> web.Response:
        headers = {"Retry-After": str(max(1, round(self.retry_after)))} if self.retry_after else {}
        response = send({"error": self.refusal.word, **self.fields}, self.refusal.status, headers)
        if self.refusal in _CUT_OFF:
            response.force_close()  # the rest of the body is not read
        return response


_CUT_OFF = (Refusal.BUSY_ADDRESS, Refusal.TOO_LARGE, Refusal.TOO_SLOW, Refusal.MALFORMED)


def send(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=json.dumps(body, separators=(",", ":")).encode(), status=status, headers={**_HEADERS, **(headers or {})}
    )

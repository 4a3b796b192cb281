"""Somewhere that notices go: an HTTP server on loopback that takes what Apprise's json:// sends, or does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "canary-token-4711"
"""Stands in every address; it may be in no output."""


class Phone:
    """``status`` is what it answers; ``hangs`` until :attr:`go_on` is set."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.status, self.hangs, self.go_on = 200, False, threading.Event()
        self.heard: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"json://user:{TOKEN}@127.0.0.1:{self.port}/{TOKEN}/?+X-Token={TOKEN}"

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.heard]

    @property
    def last(self) -> str:
        return str(self.heard[-1]["message"])


@contextmanager
def open_phone() -> Iterator[Phone]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if phone.hangs:
                phone.go_on.wait(30)
            if phone.status == 200:
                phone.heard.append(body)
            self.send_response(phone.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    phone = Phone(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield phone
    finally:
        phone.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join(10)

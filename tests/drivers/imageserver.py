"""A web server on a loopback port that gives one small image, as well or as badly as a test wants it."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

IMAGE = b"an image, more or less" * 4096


class _Server(ThreadingHTTPServer):
    owner: ImageServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked may be gone, which is what some tests are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        owner = cast(_Server, self.server).owner
        asked = self.headers.get("Range")
        owner.asked.append(asked)
        if owner.failures:
            self.send_error(owner.failures.pop(0))
            return
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and owner.has_ranges else 0
        if begin and begin >= owner.size:
            self.send_error(416)
            return
        self._begin(206 if begin else 200, owner.content[begin:])
        self._send(owner, begin)

    def _send(self, owner: ImageServer, begin: int) -> None:
        """The rest of the content; a cut or a stop counts from the beginning of the image."""
        stop = owner.cuts.pop(0) if owner.cuts else owner.stop_at if owner.stop_at is not None else owner.size
        with contextlib.suppress(ConnectionError):  # who asked may be gone
            self.wfile.write(owner.content[begin:stop])
            self.wfile.flush()
            if stop == owner.stop_at:
                owner.stopped.set()
                owner.go_on.wait(60)
                self.wfile.write(owner.content[stop:])
            self.close_connection = stop < owner.size

    def do_HEAD(self) -> None:
        owner = cast(_Server, self.server).owner
        self._begin(200, owner.content)

    def _begin(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
        """Says nothing."""


@dataclass
class ImageServer:
    """``asked`` holds the ``Range`` of each GET (None without one). ``failures`` are statuses, and ``cuts`` places
    where the connection ends, each for one GET; at ``stop_at`` every answer waits for ``go_on``."""

    content: bytes = IMAGE
    name: str = "image.raw"
    has_ranges: bool = True
    failures: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    stop_at: int | None = None
    asked: list[str | None] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def __enter__(self) -> ImageServer:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/{self.name}"
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

"""An HTTPS server on a loopback port that answers as a script says: for what no well-behaved server does."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fakepve.certs import make_cert


@dataclass(frozen=True)
class Answer:
    """``delay`` in seconds comes before it; ``cut`` drops the connection instead."""

    status: int = 200
    body: bytes = b'{"data": null}'
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    cut: bool = False


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Seen], Answer]


@dataclass
class ScriptedServer:
    """``script`` chooses the answer by the request; ``seen`` notes what came."""

    folder: Path
    script: Script = lambda _: Answer()
    seen: list[Seen] = field(default_factory=list)
    host: str = "127.0.0.1"
    """Where it listens; its certificate names 127.0.0.1 and localhost, whatever this is."""

    def __enter__(self) -> ScriptedServer:
        certificate, key, self.certificate = make_cert(str(self.folder), hosts=("127.0.0.1",))
        self.ca_file = Path(certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = ThreadingHTTPServer((self.host, 0), self._make_handler())
        # The handshake belongs to the request's thread, so that one that fails holds up no other.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # broken handshakes are meant
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.05), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10
            wbufsize = 64 * 1024  # head and body in one segment: two would wait for each other (40 ms)

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen = Seen(self.command, self.path, dict(self.headers.items()), body)
                owner.seen.append(seen)
                answer = owner.script(seen)
                time.sleep(answer.delay)
                if answer.cut:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(answer.status, answer.reason or None)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 (the base class looks for these names)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
                """Says nothing."""

        return Handler

"""A real ACME server on loopback (Debian's pebble), the DNS that it asks, and what can be wrong with a real one."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.made_certificates import make_key
from tests.ports import find_port

from homeprod.control.certificates.account import Account

LIMIT = 20.0
"""Seconds to listen, and to end."""


def make_account_key() -> str:
    return make_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@contextlib.contextmanager
def run_program(argv: list[str], log: Path, port: int, **environment: str) -> Iterator[None]:
    """Until it listens at the port by TCP; ended afterwards."""
    with log.open("ab") as talk:
        process = subprocess.Popen(
            argv, stdout=talk, stderr=talk, stdin=subprocess.DEVNULL, env={**os.environ, **environment}
        )
    try:
        until = time.monotonic() + LIMIT
        while not _listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class Pebble:
    """``http`` is the port where it looks for answers to http-01."""

    port: int
    http: int
    ca: trustme.CA
    ca_file: Path
    folder: Path

    def account(self, *, port: int = 0, key: str = "", **changes: object) -> Account:
        directory = f"https://127.0.0.1:{port or self.port}/dir"
        options = {"agrees_to_terms": True, "ca_file": str(self.ca_file), **changes}
        return Account(directory, key or make_account_key(), **options)  # type: ignore[arg-type]


@contextlib.contextmanager
def run_pebble(folder: Path, dns: int, *, http: int = 0, nonces_refused: int = 0) -> Iterator[Pebble]:
    """``dns`` is the port of the name server that it asks, ``http`` what it takes for port 80; ``nonces_refused`` the
    share of good ones, of 100."""
    folder.mkdir(exist_ok=True)
    ca = trustme.CA()
    own = ca.issue_cert("127.0.0.1")
    own.private_key_pem.write_to_path(folder / "key.pem")
    own.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    port, http = find_port(), http or find_port()
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{find_port()}",
        "certificate": str(folder / "certificate.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": http,
        "tlsPort": find_port(),
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    argv = ["pebble", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{dns}"]
    refusing = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(nonces_refused), "PEBBLE_AUTHZREUSE": "0"}
    with run_program(argv, folder / "pebble.log", port, **refusing):
        yield Pebble(port, http, ca, folder / "ca.pem", folder)


@contextlib.contextmanager
def run_loopback_dns(folder: Path) -> Iterator[int]:
    """The port of a name server that says 127.0.0.1 of every name."""
    folder.mkdir(exist_ok=True)
    dns, management = find_port(), find_port()
    argv = ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns}"]
    argv += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{management}"]
    with run_program(argv, folder / "dns.log", management):
        yield dns


@dataclass
class Fault:
    """What stands between us and a sound server: an answer in place of its own, for paths that begin so; ``times``
    is how often, below zero for ever."""

    path: str
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = -1
    met: int = 0

    def take(self, path: str) -> bool:
        if not path.startswith(self.path) or self.met == self.times:
            return False
        self.met += 1
        return True


def problem(kind: str, detail: str) -> bytes:
    return json.dumps({"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail}).encode()


@contextlib.contextmanager
def run_faulty(pebble: Pebble, *faults: Fault, alter: Callable[[bytes], bytes] | None = None) -> Iterator[int]:
    """The port of a way to pebble with faults; ``alter`` changes what its directory says."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Way, pebble, faults, alter))
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pebble.ca.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Way(BaseHTTPRequestHandler):
    def __init__(
        self, pebble: Pebble, faults: tuple[Fault, ...], alter: Callable[[bytes], bytes] | None, *rest: object
    ) -> None:
        self._pebble, self._faults, self._alter = pebble, faults, alter
        super().__init__(*rest)  # type: ignore[arg-type]

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = next((one for one in self._faults if one.take(self.path)), None)
        if fault is not None:
            self._answer(fault.status, {"Content-Type": "application/problem+json", **fault.headers}, fault.body)
            return
        context = ssl.create_default_context(cafile=str(self._pebble.ca_file))
        with contextlib.closing(
            http.client.HTTPSConnection("127.0.0.1", self._pebble.port, timeout=LIMIT, context=context)
        ) as way:
            way.request(self.command, self.path, body or None, dict(self.headers))
            got = way.getresponse()
            content = got.read()
        if self.path == "/dir" and self._alter is not None:
            content = self._alter(content)
        kept = {name: value for name, value in got.getheaders() if name.lower() not in _OWN}
        self._answer(got.status, kept, content)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_HEAD = _pass  # noqa: N815 (as they are called)

    def log_message(self, *_: object) -> None:
        """Nothing."""


_OWN = ("content-length", "transfer-encoding", "connection", "date")

"""The real nginx on loopback: a passthrough, two proxies behind it, and services that say how they were reached."""

from __future__ import annotations

import contextlib
import getpass
import json
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import trustme
from tests.ports import find_port

from homeprod.network.nginx.passthrough import Gate, Passthrough, render_passthrough
from homeprod.network.nginx.proxy import Block, Proxy, Server, render_proxy
from homeprod.site.entry.place import RELEASES

LOOPBACK = ip_address("127.0.0.1")
OURS = RELEASES["debian-12"]
"""Understood by newer ones too, but for a warning."""
LIMIT = 10.0
"""Seconds for whatever nginx does at once."""
Answer = tuple[int, dict[str, str], bytes]
"""Status, headers by their names in lower case, body."""


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = {"path": self.path, "headers": headers, "peer": self.client_address[0]}
        assert isinstance(self.server, Service)
        self.server.told.append(told)
        body = json.dumps({"service": self.server.name, **told}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at what was answered."""


class Service(ThreadingHTTPServer):
    """It answers with its name, the path, the headers as they came, and who connected; ``told`` keeps all of it."""

    daemon_threads = True

    def __init__(self, name: str, address: str = "127.0.0.1", port: int = 0) -> None:
        if ":" in address:
            self.address_family = socket.AF_INET6
        self.name, self.told = name, list[dict[str, Any]]()
        super().__init__((address, port), _Echo)

    @contextlib.contextmanager
    def run(self) -> Iterator[int]:
        """Its port."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self.server_port
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


def run_service(name: str) -> AbstractContextManager[int]:
    return Service(name).run()


class Nginx:
    """One nginx of the test's own, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("modules-enabled", "mime.types"):
            (folder / name).symlink_to(Path("/etc/nginx") / name)
        self.file = folder / "nginx.conf"
        self._process: subprocess.Popen[bytes] | None = None

    def test(self, text: str) -> str:
        """What `nginx -t` says of it; empty where it is well."""
        new = self.folder / "new.conf"
        new.write_text(text)
        command = ("nginx", "-t", "-q", "-c", str(new), "-e", "stderr")
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
        return done.stderr if done.returncode else ""

    def start(self, text: str, port: int) -> None:
        self.file.write_text(text)
        command = ("nginx", "-c", str(self.file), "-e", str(self.folder / "error.log"), "-g", "daemon off;")
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + LIMIT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            assert self._process.poll() is None, (self.folder / "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def replace(self, text: str) -> None:
        """As a delivery does: tried beside the old one, put in its place at once, reloaded."""
        assert self._process is not None
        assert self.test(text) == ""
        (self.folder / "new.conf").replace(self.file)
        self._process.send_signal(signal.SIGHUP)

    def list_workers(self) -> set[int]:
        """Those that take connections; old ones are left out as soon as they know."""
        assert self._process is not None
        pid = self._process.pid
        children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return {child for child in children if b"shutting down" not in _read_title(child)}

    def wait_for_others(self, old: set[int]) -> None:
        """Until none of the ``old`` workers takes connections."""
        deadline = time.monotonic() + LIMIT
        while old & self.list_workers():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(LIMIT)


def _read_title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended in between
        return b"shutting down"


@dataclass
class Way:
    """The whole way. ``authority`` is what clients believe; ``passthrough`` and ``proxies`` are what was rendered."""

    folder: Path
    authority: trustme.CA
    passthrough: Passthrough
    proxies: dict[str, Proxy]
    nginxes: dict[str, Nginx]

    def ask(
        self, name: str, path: str = "/", *, port: int = 0, before: bytes = b"", source: str = "", **headers: str
    ) -> Answer:
        """GET over TLS through the passthrough, or at ``port``; ``before`` goes ahead of the hello, ``source`` is the
        client's address. The name is in the hello and is the Host, unless ``Host`` is given."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        context.check_hostname = False
        here = (source, 0) if source else None
        with socket.create_connection(("127.0.0.1", port or self.passthrough.https), LIMIT, here) as line:
            if before:
                line.sendall(before)
            with context.wrap_socket(line, server_hostname=name) as secure:
                return exchange(secure, headers.pop("Host", name), path, headers)

    def ask_plainly(self, name: str, path: str = "/", *, port: int = 0, **headers: str) -> Answer:
        with socket.create_connection(("127.0.0.1", port or self.passthrough.http), LIMIT) as line:
            return exchange(line, name, path, headers)


def exchange(line: socket.socket, host: str, path: str, headers: dict[str, str]) -> Answer:
    """A GET, and all that comes until the connection is closed."""
    line.sendall(_write_request(host, path, headers))
    return _read_answer(line)


def _write_request(host: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _read_answer(line: socket.socket) -> Answer:
    """Status, headers by their names in lower case, body; the connection is closed behind it."""
    content = b""
    while part := line.recv(65536):
        content += part
    head, _, body = content.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
    return int(status.split(" ")[1]), headers, body


def write_certificate(authority: trustme.CA, folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    made = authority.issue_cert(*names, not_before=now - timedelta(days=1), not_after=now + timedelta(days=89))
    made.private_key_pem.write_to_path(folder / "key.pem")
    for number, blob in enumerate(made.cert_chain_pems):
        blob.write_to_path(folder / "chain.pem", append=number > 0)


def list_places(folder: Path) -> dict[str, Any]:
    """Where a proxy of the test's own reads and writes, and as whom: fields of a :class:`Proxy`."""
    return {
        "folder": str(folder),
        "certificates": str(folder / "certificates"),
        "challenges": str(folder / "challenges"),
        "logs": str(folder),
        "pid": str(folder / "nginx.pid"),
        "user": getpass.getuser(),
    }


def make_proxy(folder: Path, servers: tuple[Server, ...], **more: Any) -> Proxy:
    values = Proxy(servers=servers, passthroughs=(LOOPBACK,), lan=(ip_network("127.0.0.0/8"),), release=OURS)
    return replace(
        values,
        https=find_port(),
        http=find_port(),
        passed=find_port(),
        passed_http=find_port(),
        **list_places(folder),
        **more,
    )


@contextlib.contextmanager
def open_way(folder: Path, ports: dict[str, int], *, grace: int = 3600) -> Iterator[Way]:
    """`*.lab.example` goes to lab-proxy, which serves `demo.lab.example`; all else to prod-proxy, which serves
    `files.example` and, to the LAN alone, `near.example`. Each nginx keeps old connections for ``grace`` seconds."""
    authority = trustme.CA()
    proxies = {
        "lab-proxy": make_proxy(
            folder / "lab", (make_server("demo", ("demo.lab.example",), ports["demo"]),), grace=grace
        ),
        "prod-proxy": make_proxy(
            folder / "prod",
            (
                make_server("files", ("files.example",), ports["files"]),
                replace(
                    make_server("near", ("near.example",), ports["near"]), is_for_lan=True, redirects=False, hsts=0
                ),
            ),
            grace=grace,
        ),
    }
    gates = tuple(Gate(name, LOOPBACK, one.passed, one.passed_http) for name, one in proxies.items())
    passthrough = Passthrough({"*.lab.example": "lab-proxy"}, "prod-proxy", gates)
    passthrough = replace(
        passthrough,
        grace=grace,
        https=find_port(),
        http=find_port(),
        folder=str(folder / "way"),
        logs=str(folder / "way"),
        pid=str(folder / "way" / "nginx.pid"),
        user=getpass.getuser(),
    )
    with contextlib.ExitStack() as stack:
        nginxes = {name: Nginx(Path(one.folder)) for name, one in proxies.items()}
        nginxes["passthrough"] = Nginx(folder / "way")
        for nginx in nginxes.values():
            stack.callback(nginx.stop)
        for name, one in proxies.items():
            place = Path(one.folder)
            for server in one.servers:
                for block in server.blocks:
                    write_certificate(authority, place / "certificates" / block.certificate, *block.names)
            write_certificate(authority, place / "certificates" / "default", f"{name}.example")
            nginxes[name].start(render_proxy(one), one.https)
        nginxes["passthrough"].start(render_passthrough(passthrough), passthrough.https)
        yield Way(folder, authority, passthrough, proxies, nginxes)


def make_server(name: str, names: tuple[str, ...], port: int) -> Server:
    return Server(name, (Block(names, name),), ((LOOPBACK, port),), websockets=True, hsts=63_072_000)

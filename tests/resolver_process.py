"""The real dnsmasq and unbound on loopback, before a public DNS of the test's own, which answers everything."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

A, AAAA, HTTPS = 1, 28, 65
PUBLIC = "198.51.100.1"
LIMIT = 15.0
_HEAD = struct.Struct("!HHHHHH")


def find_udp_port() -> int:
    """Free for UDP and TCP alike, since a resolver listens on both."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = int(listener.getsockname()[1])
            with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.1", port))
                return port


def ask(port: int, name: str, kind: int = A) -> list[str]:
    """The addresses that are answered with."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    query = _HEAD.pack(7, 0x0100, 1, 0, 0, 0) + question + struct.pack("!HH", kind, 1)
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.settimeout(LIMIT)
        line.sendto(query, ("127.0.0.1", port))
        answer = line.recv(4096)
    flags, count = struct.unpack_from("!H", answer, 2)[0], struct.unpack_from("!H", answer, 6)[0]
    assert flags & 15 == 0, f"{name}: rcode {flags & 15}"
    return sorted(_read_addresses(answer, len(query), count))


def _read_addresses(answer: bytes, at: int, count: int) -> Iterator[str]:
    for _ in range(count):
        while answer[at] and answer[at] < 192:
            at += answer[at] + 1
        at += 2 if answer[at] else 1
        kind, length = struct.unpack_from("!H", answer, at)[0], struct.unpack_from("!H", answer, at + 8)[0]
        if kind in (A, AAAA):
            yield str(ipaddress.ip_address(answer[at + 10 : at + 10 + length]))
        at += 10 + length


@dataclass
class PublicDns:
    """``asked`` are the names that came to it."""

    port: int
    asked: set[str] = field(default_factory=set)

    def answer(self, query: bytes) -> bytes:
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += query[at] + 1
        self.asked.add(".".join(labels).lower())
        question, kind = query[12 : at + 5], struct.unpack_from("!H", query, at + 1)[0]
        record = b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 60, 4) + ipaddress.ip_address(PUBLIC).packed
        head = _HEAD.pack(struct.unpack_from("!H", query)[0], 0x8180, 1, int(kind == A), 0, 0)
        return head + question + (record if kind == A else b"")


@contextlib.contextmanager
def open_public() -> Iterator[PublicDns]:
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(0.1)
        public, over = PublicDns(int(line.getsockname()[1])), threading.Event()

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    query, peer = line.recvfrom(4096)
                    line.sendto(public.answer(query), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield public
        finally:
            over.set()
            thread.join(LIMIT)


@contextlib.contextmanager
def run_dnsmasq(folder: Path, text: str, public: PublicDns) -> Iterator[int]:
    """Its port."""
    port, file = find_udp_port(), folder / "dnsmasq.conf"
    file.write_text(text)
    options = ["--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1", "--cache-size=0"]
    options += [f"--port={port}", f"--server=127.0.0.1#{public.port}", f"--conf-file={file}", "--pid-file="]
    subprocess.run(["dnsmasq", "--test", f"--conf-file={file}"], check=True, timeout=LIMIT, capture_output=True)
    with _run(["dnsmasq", "--keep-in-foreground", "--user=", *options, "--log-facility=-"], port):
        yield port


@contextlib.contextmanager
def run_unbound(folder: Path, text: str, public: PublicDns) -> Iterator[int]:
    """Its port."""
    port, file, own = find_udp_port(), folder / "unbound.conf", folder / "own.conf"
    file.write_text(text)
    own.write_text(
        f'server:\n  directory: "{folder}"\n  chroot: ""\n  username: ""\n  pidfile: "{folder}/unbound.pid"\n'
        f'  interface: 127.0.0.1\n  port: {port}\n  module-config: "iterator"\n  do-not-query-localhost: no\n'
        f'  use-syslog: no\n  do-daemonize: no\n  verbosity: 0\n  num-threads: 1\ninclude: "{file}"\n'
        f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{public.port}\n'
        "remote-control:\n  control-enable: no\n"
    )
    subprocess.run(["unbound-checkconf", str(own)], check=True, timeout=LIMIT, capture_output=True)
    with _run(["unbound", "-c", str(own)], port):
        yield port


@contextlib.contextmanager
def _run(argv: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LIMIT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, argv
            assert time.monotonic() < deadline, argv
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(LIMIT)

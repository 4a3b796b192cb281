"""The whole way, each tier a host with addresses and ports as a site gives them: clients outside and inside, the
passthrough, both proxies, and what they serve."""

from __future__ import annotations

import contextlib
import getpass
import json
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import trustme
from tests.hosts import Host, open_hosts
from tests.nginx_process import LIMIT, OURS, Answer, Nginx, Service, exchange, list_places, write_certificate

from homeprod.network.nginx.passthrough import Gate, Passthrough, render_passthrough
from homeprod.network.nginx.proxy import Block, Proxy, Server, render_proxy

ADDRESSES = {
    "client": ("198.51.100.7/24", "2001:db8:1::7/64"),
    "neighbour": ("192.0.2.9/24", "2001:db8::9/64"),
    "passthrough": ("192.0.2.4/24", "2001:db8::4/64"),
    "lab-proxy": ("192.0.2.5/24", "2001:db8::5/64"),
    "prod-proxy": ("192.0.2.6/24", "192.0.2.16/24", "2001:db8::6/64", "2001:db8::16/64"),
    "service": ("192.0.2.10/24", "2001:db8::10/64"),
}
"""Kept for documentation (RFC 5737, RFC 3849); they exist in the test's own namespaces alone. `prod-proxy` has an
address of its own for what the passthrough brings, `lab-proxy` has ports."""
PASSED = {"lab-proxy": (0, 8443, 8080), "prod-proxy": (1, 443, 80)}
"""Where the passthrough's connections arrive: which address, of TLS, of port 80."""
NAMES = {"demo": "demo.lab.example", "files": "files.example", "plain": "plain.example", "near": "near.example"}
PORTS = {name: 9000 + number for number, name in enumerate(NAMES)}


def find_address(host: str, version: int, number: int = 0) -> str:
    """One of ``host``, the first of that version of IP unless ``number`` says another."""
    plain = [text.partition("/")[0] for text in ADDRESSES[host]]
    return [text for text in plain if ip_address(text).version == version][number]


@dataclass
class Tiers:
    folder: Path
    hosts: dict[str, Host]
    authority: trustme.CA
    services: dict[str, Service]

    def connect(
        self, source: str, to: str = "passthrough", port: int = 443, *, version: int = 4, number: int = 0
    ) -> socket.socket:
        """From the host ``source`` to an address of the host ``to``."""
        return self.hosts[source].call(socket.create_connection, (find_address(to, version, number), port), LIMIT)

    def make_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())

    def ask(
        self, line: socket.socket, name: str, path: str = "/", *, shown: str = "", before: bytes = b"", **headers: str
    ) -> Answer:
        """GET over TLS; ``before`` goes ahead of the hello. The certificate must be good for ``name``, or be the one
        that ``shown`` is good for."""
        context = self.make_context()
        context.check_hostname = not shown
        with line:
            line.sendall(before)
            with context.wrap_socket(line, server_hostname=name) as secure:
                assert not shown or ("DNS", shown) in (secure.getpeercert() or {})["subjectAltName"]
                return exchange(secure, name, path, headers)

    def ask_plainly(self, line: socket.socket, name: str, **headers: str) -> Answer:
        with line:
            return exchange(line, name, "/", headers)

    def wait_for_log(self, host: str, path: str) -> dict[str, Any]:
        """What ``host`` has logged of the request for ``path``; nginx keeps lines back for a second."""
        deadline = time.monotonic() + LIMIT
        while True:
            lines = (self.folder / host / "access.json").read_text().splitlines()
            for logged in map(json.loads, lines):
                if logged["request"].split(" ")[1] == path:
                    return dict(logged)
            assert time.monotonic() < deadline, lines
            time.sleep(0.05)

    def list_told(self) -> list[dict[str, Any]]:
        """Every request that reached a service."""
        return [told for service in self.services.values() for told in service.told]


@contextlib.contextmanager
def open_tiers(folder: Path) -> Iterator[Tiers]:
    """`*.lab.example` goes to lab-proxy, which serves `demo.lab.example`; all else to prod-proxy, which serves
    `files.example`, `plain.example` on port 80 too, and `near.example` to the LAN alone."""
    authority = trustme.CA()
    with contextlib.ExitStack() as stack:
        hosts = stack.enter_context(open_hosts(ADDRESSES))
        services = {}
        for name, port in PORTS.items():
            services[name] = hosts["service"].call(Service, name, "::", port)
            stack.enter_context(services[name].run())
        for name, port, text in _render_all(folder, authority):
            nginx = Nginx(folder / name)
            stack.callback(nginx.stop)
            hosts[name].call(nginx.start, text, port)
        yield Tiers(folder, hosts, authority, services)


def _render_all(folder: Path, authority: trustme.CA) -> Iterator[tuple[str, int, str]]:
    """For each tier its host, a port that answers once it runs, and its configuration."""
    served = {
        "lab-proxy": (_serve("demo", 6),),
        "prod-proxy": (
            _serve("files", 4),
            replace(_serve("plain", 6), redirects=False),
            replace(_serve("near", 4), redirects=False, is_for_lan=True),
        ),
    }
    gates = []
    for host, servers in served.items():
        place = folder / host
        for label, *names in [("default", f"{host}.example"), *((one.name, *one.names) for one in servers)]:
            write_certificate(authority, place / "certificates" / label, *names)
        yield host, 443, render_proxy(_make_proxy(host, place, servers))
        number, passed, passed_http = PASSED[host]
        gates.append(Gate(host, ip_address(find_address(host, 4, number)), passed, passed_http))
    place = folder / "passthrough"
    passthrough = Passthrough({"*.lab.example": "lab-proxy"}, "prod-proxy", tuple(gates))
    yield (
        "passthrough",
        443,
        render_passthrough(
            replace(
                passthrough,
                folder=str(place),
                logs=str(place),
                pid=str(place / "nginx.pid"),
                user=getpass.getuser(),
            )
        ),
    )


def _serve(name: str, version: int) -> Server:
    """By an upstream that is reached over that version of IP."""
    upstream = (ip_address(find_address("service", version)), PORTS[name])
    return Server(name, (Block((NAMES[name],), name),), (upstream,))


def _make_proxy(host: str, place: Path, servers: tuple[Server, ...]) -> Proxy:
    number, passed, passed_http = PASSED[host]
    return Proxy(
        servers=servers,
        passthroughs=tuple(ip_address(find_address("passthrough", version)) for version in (4, 6)),
        lan=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/64")),
        release=OURS,
        passed_at=tuple(ip_address(find_address(host, version, number)) for version in (4, 6)) if number else (),
        passed=passed,
        passed_http=passed_http,
        **list_places(place),
    )

"""A proxy's nginx: TLS ends here; each name has its service, and a name that has none is told so (421)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from homeprod.network.nginx.release import has_http2_directive, list_curves
from homeprod.network.nginx.template import Written, render, write_everywhere, write_place, write_words
from homeprod.site.entry.place import Nginx

HTTP, HTTPS, PASSED, PASSED_HTTP = 80, 443, 8443, 8080
CERTIFICATES = "/etc/homeprod/certificates"
HELD_OPEN = 3600
"""Seconds that a websocket may be silent, at the least."""
CIPHERS = ":".join(
    f"ECDHE-{kind}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for kind in ("ECDSA", "RSA")
)
"""Of Mozilla's intermediate profile, version 5.7, those with ephemeral elliptic curves, which need no parameters."""
Ip = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Block:
    """Names of a service that are shown the same ``certificate``: the folder of its chain and key."""

    names: tuple[str, ...]
    certificate: str


@dataclass(frozen=True, slots=True)
class Server:
    """A service as it is served. Its ``blocks`` have names, exact or ``*.zone``; ``upstreams`` are addresses and
    ports, spoken to by ``scheme``. ``body`` is the most bytes of a request, 0 for any; ``connect`` and ``patience``
    are the seconds until an upstream answers, and that it may be silent. ``redirects`` sends port 80 to https; else
    it is served there too. ``hsts`` are the seconds for which browsers remember to ask by https, 0 for no promise.
    ``headers`` are put on every answer, ``request_headers`` on what goes on. One that ``is_for_lan`` is unknown to
    whom the passthrough brings."""

    name: str
    blocks: tuple[Block, ...]
    upstreams: tuple[tuple[Ip, int], ...]
    scheme: str = "http"
    websockets: bool = False
    body: int = 16 * 1024**2
    connect: int = 5
    patience: int = 60
    redirects: bool = True
    hsts: int = 0
    is_for_lan: bool = False
    is_verified: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    request_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for block in self.blocks for name in block.names)

    @property
    def silence(self) -> int:
        return max(self.patience, HELD_OPEN) if self.websockets else self.patience


@dataclass(frozen=True, slots=True)
class Proxy:
    """``passthroughs`` are the addresses whose PROXY header, or X-Forwarded-For on port 80, is believed: no other's
    is, and nobody else is answered at their doors: ``passed`` and ``passed_http``, of the addresses ``passed_at`` or
    of all. ``lan`` are the networks that services for the LAN alone answer to. ``grace`` is how long old workers keep
    connections after a reload, in seconds. The rest is where it listens, reads and writes."""

    servers: tuple[Server, ...]
    passthroughs: tuple[Ip, ...]
    lan: tuple[IpNetwork, ...]
    release: Nginx
    default_certificate: str = "default"
    passed_at: tuple[Ip, ...] = ()
    grace: int = 600
    https: int = HTTPS
    http: int = HTTP
    passed: int = PASSED
    passed_http: int = PASSED_HTTP
    folder: str = "/etc/nginx"
    certificates: str = CERTIFICATES
    authorities: str = "/etc/ssl/certs/ca-certificates.crt"
    challenges: str = "/var/lib/homeprod/challenges"
    logs: str = "/var/log/nginx"
    pid: str = "/run/nginx.pid"
    user: str = "www-data"

    @property
    def has_http2_directive(self) -> bool:
        return has_http2_directive(self.release)

    @property
    def curves(self) -> Written:
        return list_curves(self.release)

    def list_doors(self, *, is_secure: bool, is_for_lan: bool = False, is_default: bool = False) -> list[Written]:
        """What follows ``listen``, of TLS or of port 80: the LAN's doors, and the passthrough's.

        The default's say for all who listen there that each worker has a socket of its own, so that none takes most
        of the connections; an address alone (``passed_at``) is told apart behind the same sockets.
        """
        h2 = "http2" if is_secure and not self.has_http2_directive else ""
        words = ("ssl" if is_secure else "", h2, "default_server" if is_default else "")
        own = "reuseport" if is_default else ""
        near = _list_everywhere(self.https if is_secure else self.http)
        port = self.passed if is_secure else self.passed_http
        at = [write_place(address, port) for address in self.passed_at]
        passed = [(place, "") for place in at] or [(place, own) for place in _list_everywhere(port)]
        protocol = "proxy_protocol" if is_secure else ""
        doors = [write_words((place, *words, own)) for place in near]
        return (
            doors if is_for_lan else [*doors, *(write_words((place, *words, protocol, its)) for place, its in passed)]
        )


def render_proxy(values: Proxy) -> str:
    """The whole of ``nginx.conf``."""
    return render("proxy.conf.j2", proxy=values, ciphers=CIPHERS, servers=sorted(values.servers, key=_name))


def _name(server: Server) -> str:
    return server.name


def _list_everywhere(port: int) -> list[Written]:
    return [Written(port), write_everywhere(port)]

"""A proxy's nginx: TLS ends here; each name has its service, and a name that has none is told so (421)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from homeprod.network.nginx.release import Release
from homeprod.network.nginx.template import render

HTTP, HTTPS, PASSED = 80, 443, 8443
CIPHERS = ":".join(
    f"ECDHE-{kind}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for kind in ("ECDSA", "RSA")
)
"""Of Mozilla's intermediate profile, version 5.7, those with ephemeral elliptic curves, which need no parameters."""


@dataclass(frozen=True, slots=True)
class Server:
    """A service as it is served. ``names`` are exact or ``*.zone``; ``upstreams`` addresses and ports, spoken to by
    ``scheme``; ``certificate`` the folder of its chain and key. ``body`` is the most bytes of a request, 0 for any;
    ``connect`` and ``patience`` are the seconds until an upstream answers, and that it may be silent. ``redirects``
    sends port 80 to https; else it is served there too. ``hsts`` are the seconds for which browsers remember to ask
    by https, 0 for no promise. ``headers`` are put on every answer, ``request_headers`` on what goes on. One that
    ``is_for_lan`` is not there for anybody else."""

    name: str
    names: tuple[str, ...]
    upstreams: tuple[tuple[IPv4Address | IPv6Address, int], ...]
    certificate: str
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


@dataclass(frozen=True, slots=True)
class Proxy:
    """``passthroughs`` are the addresses whose PROXY header, or X-Forwarded-For at port 80, is believed: no other's
    is. ``lan`` are the networks that services for the LAN alone answer to. ``grace`` is how long old workers keep
    connections after a reload, in seconds. The rest is where it listens, reads and writes."""

    servers: tuple[Server, ...]
    passthroughs: tuple[IPv4Address | IPv6Address, ...]
    lan: tuple[IPv4Network | IPv6Network, ...]
    release: Release
    default_certificate: str = "default"
    grace: int = 600
    https: int = HTTPS
    http: int = HTTP
    passed: int = PASSED
    folder: str = "/etc/nginx"
    certificates: str = "/etc/homeprod/certificates"
    authorities: str = "/etc/ssl/certs/ca-certificates.crt"
    challenges: str = "/var/lib/homeprod/challenges"
    logs: str = "/var/log/nginx"
    pid: str = "/run/nginx.pid"
    user: str = "www-data"


def render_proxy(values: Proxy) -> str:
    """The whole of ``nginx.conf``."""
    return render(
        "proxy.conf.j2", proxy=values, ciphers=CIPHERS, servers=sorted(values.servers, key=lambda server: server.name)
    )

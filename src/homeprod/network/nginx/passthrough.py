"""The passthrough's nginx: it reads the name in a TLS hello, and passes the connection on untouched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from homeprod.network.nginx.template import render

HTTP, HTTPS = 80, 443


@dataclass(frozen=True, slots=True)
class Gate:
    """A proxy, as the passthrough reaches it: at ``passed`` with the PROXY protocol (version 1), at port 80 without.
    ``name`` is the machine's."""

    name: str
    address: IPv4Address | IPv6Address
    passed: int
    http: int = HTTP


@dataclass(frozen=True, slots=True)
class Passthrough:
    """``routes`` maps a name, or ``*.zone``, to a gate's name; ``default`` takes every other name and none.
    ``grace`` is how long old workers keep connections after a reload, in seconds; ``idle`` how long one may be
    silent. The rest is where it listens and writes, for tests that are not root's."""

    routes: Mapping[str, str]
    default: str
    gates: tuple[Gate, ...]
    grace: int = 3600
    idle: int = 3600
    https: int = HTTPS
    http: int = HTTP
    folder: str = "/etc/nginx"
    logs: str = "/var/log/nginx"
    pid: str = "/run/nginx.pid"
    user: str = "www-data"


def render_passthrough(values: Passthrough) -> str:
    """The whole of ``nginx.conf``. Raises ValueError for a route to a gate that there is not."""
    names = {gate.name for gate in values.gates}
    if lost := {*values.routes.values(), values.default} - names:
        raise ValueError(f"no gate {', '.join(sorted(lost))}")
    return render("passthrough.conf.j2", way=values, routes=sorted(values.routes.items(), key=_order))


def _order(route: tuple[str, str]) -> tuple[bool, str]:
    """As nginx looks: exact names, then wildcards. The order says nothing to it; it does to a person."""
    return route[0].startswith("*"), route[0]

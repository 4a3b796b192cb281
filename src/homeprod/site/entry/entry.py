"""Entry: the whole way in from outside, in one table; ``modules/_entry.py`` holds one as ``entry``."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from homeprod.site.declared import Declared
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.fields import MachineName, Name, refuse_none
from homeprod.site.entry.gateway import Gateway
from homeprod.site.entry.service import Service
from homeprod.site.entry.target import TargetField

Origin = Literal["lan", "wan"]


class Route(Declared):
    """Names (one, or ``*.zone``) that the passthrough passes on to the proxy ``to``, TLS untouched."""

    name: Name
    to: MachineName

    def __init__(self, name: str, *, to: str) -> None:
        super().__init__(name=name, to=to)


class Proxy(Declared):
    """A machine where TLS ends. ``certificates`` are its own, the first is shown for a name that it does not know.
    The LAN reaches it on ports 80 and 443 of the machine's ``number``. The passthrough, which says who the client is,
    has doors of its own at ``proxied_number``, by default the same address: ``proxied_port`` with the PROXY protocol
    for TLS, ``proxied_http_port`` for port 80."""

    machine: MachineName
    certificates: Annotated[tuple[Certificate, ...], AfterValidator(refuse_none)]
    services: tuple[Service, ...] = ()
    proxied_number: int | None = None
    proxied_port: int = Field(default=8443, ge=1, le=65535)
    proxied_http_port: int = Field(default=8080, ge=1, le=65535)


class Expectation(Declared):
    """What `homeprod route test` holds the table against: who asks for ``url`` from there reaches the service of that
    name, or none; with that status, where the entry gives the answer itself."""

    url: TargetField
    reaches: str | None = None
    from_: Origin = "wan"
    status: int | None = Field(default=None, ge=100, le=599)

    def __init__(
        self, url: str, *, reaches: str | None = None, from_: Origin = "wan", status: int | None = None
    ) -> None:
        super().__init__(url=url, reaches=reaches, from_=from_, status=status)


class Entry(Declared):
    """The router passes ports 80 and 443 to the machine ``passthrough``, which passes each connection on by the name
    that it asks for: to a route's proxy, or to that called ``default``. ``foreign`` are networks besides the site's
    own in which upstreams may lie. ``gateway`` is the router, where it is a Linux one. ``uplink`` is what stands
    between the internet and the router, for pictures."""

    forms: ClassVar[Mapping[str, str]] = {
        "uplink": "no word for a picture: letters, digits, spaces and . _ -, 40 at most, a letter or digit first",
    }
    passthrough: MachineName
    default: MachineName
    proxies: Annotated[tuple[Proxy, ...], AfterValidator(refuse_none)]
    routes: tuple[Route, ...] = ()
    foreign: tuple[IPv4Network | IPv6Network, ...] = ()
    gateway: Gateway | None = None
    expectations: tuple[Expectation, ...] = ()
    uplink: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9 ._-]{0,39})?$")

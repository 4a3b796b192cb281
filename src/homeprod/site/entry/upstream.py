"""Upstream: where a service's requests go on to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Literal

from pydantic import PlainValidator

_FORM = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?/?")
_PORTS = {"http": 80, "https": 443}
_EXAMPLE = "http://lab-coder:8080"


@dataclass(frozen=True, slots=True)
class Upstream:
    """``host`` is a machine of the site by its name, a name among the AddressPlan's ``reserved``, or an address."""

    scheme: Literal["http", "https"]
    host: str | IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if isinstance(self.host, IPv6Address) else self.host
        return f"{self.scheme}://{host}:{self.port}"


def read_upstream(text: object) -> Upstream:
    """Raises ValueError. A name of DNS is refused, since one that does not resolve stops all of nginx."""
    if not isinstance(text, str):
        raise ValueError(f"must be a text such as {_EXAMPLE}")
    found = _FORM.fullmatch(text)
    if found is None:
        _refuse_case(text)
        parts = "http or https, a machine or an address, a port where it is another than 80 or 443, no path"
        raise ValueError(f"{text[:80]!r} is no upstream such as {_EXAMPLE}: {parts}")
    scheme: Literal["http", "https"] = "https" if found[1] == "https" else "http"
    port = int(found[3]) if found[3] else _PORTS[scheme]
    if not 1 <= port <= 65535:
        raise ValueError(f"{text!r}: a port is from 1 to 65535")
    return Upstream(scheme, _read_host(text, found[2].strip("[]")), port)


def _read_host(text: str, host: str) -> str | IPv4Address | IPv6Address:
    try:
        return ip_address(host)
    except ValueError:
        pass
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", host):
        _refuse_case(text)
        raise ValueError(
            f"{text!r} names no machine and no address",
            "nginx does not start while a name of DNS fails to resolve: write a machine's name, or its address",
        )
    return host


def _refuse_case(text: str) -> None:
    """Where capitals are all that is wrong."""
    if text == (lower := text.lower()):
        return
    try:
        read_upstream(lower)
    except ValueError:
        return
    raise ValueError(f"{text[:80]!r}: an upstream is written in lower case, as machines' names are", f"write {lower}")


UpstreamField = Annotated[Upstream, PlainValidator(read_upstream)]

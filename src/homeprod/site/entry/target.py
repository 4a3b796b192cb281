"""Target: what a client asks for, taken apart as it will send it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Literal

from pydantic import PlainValidator

from homeprod.core.hostname import HostName

_FORM = re.compile(
    r"(?:(https?)://)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{1,5}))?([/?#][!-~]*)?", re.IGNORECASE
)
_HOST = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Target:
    """``host`` as a client sends it: an internationalised name in its A-form, anything else as it was written."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """Where no name was asked for: no client sends an address as the name of TLS (RFC 6066, section 3)."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == (443 if self.scheme == "https" else 80) else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def read_target(text: object) -> Target:
    """A URL, or a host alone, which is asked for by https. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("must be a text such as https://demo.example/")
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:80]!r} is neither a host name nor an http or https URL")
    scheme: Literal["http", "https"] = "http" if (found[1] or "").lower() == "http" else "https"
    port = int(found[3]) if found[3] else 443 if scheme == "https" else 80
    if port not in (80, 443):
        raise ValueError(f"nothing comes in on port {port}: the way in has 80 (http) and 443 (https)")
    host = found[2].strip("[]")
    if not host.isascii():
        host = HostName.parse(host)
    elif ":" in host:
        host = str(ip_address(host))
    elif not _HOST.fullmatch(host):
        raise ValueError(f"{host[:80]!r} is no host name")
    path = found[4] or "/"
    return Target(scheme, host, port, path if path.startswith("/") else f"/{path}")


TargetField = Annotated[Target, PlainValidator(read_target)]

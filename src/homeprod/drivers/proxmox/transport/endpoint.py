"""Endpoint: where an API of Proxmox listens."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from homeprod.core.errors import UsageError

DEFAULT_PORT = 8006
API = "/api2/json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``prefix`` is the path before ``/api2``, for who has Proxmox behind a reverse proxy."""

    host: str
    port: int = DEFAULT_PORT
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read ``https://HOST:PORT``, or the host alone; raises UsageError. There is no ``http``."""
        parts = urlsplit(text if "://" in text else f"https://{text}")
        try:
            port = parts.port or DEFAULT_PORT
        except ValueError:
            port = 0
        fits = parts.scheme == "https" and parts.hostname and port and not (parts.query or parts.fragment)
        if not fits or parts.username is not None:
            raise UsageError(
                "the endpoint is not of the right form" + ("" if parts.scheme == "https" else ": it must be https"),
                where=text if parts.username is None else "",
                hint="write it as https://pve.example.org:8006",
            )
        return cls(str(parts.hostname), port, parts.path.rstrip("/").removesuffix(API))

    @property
    def name(self) -> str:
        """``HOST:PORT``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"https://{self.name}{self.prefix}"

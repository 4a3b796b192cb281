"""What was seen by asking; nothing here judges it."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.network.resolvers.answers import Ip


@dataclass(frozen=True, slots=True)
class Seen:
    """One call, as far as it came: ``is_reached`` once somebody took the connection; ``certificate`` as DER, where
    TLS began; ``status`` and ``location`` of the answer. ``trouble`` says why it went no further. With ``is_ours``
    that lies on the asking side, so nobody was asked."""

    is_reached: bool = False
    certificate: bytes = b""
    status: int | None = None
    location: str = ""
    trouble: str = ""
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a resolver answered: no addresses and no ``trouble`` where it knows none of the name."""

    addresses: tuple[Ip, ...] = ()
    trouble: str = ""
    is_ours: bool = False

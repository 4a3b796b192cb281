"""Certificates in ``homeprod status``: what each proxy of the site shows right now, as its clients see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from socket import socket

from homeprod.core.errors import HomeprodError
from homeprod.drivers.served import read_served
from homeprod.network.certificates.standing import Standing, judge
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.place import locate_machine
from homeprod.site.entry.table import name_served
from homeprod.site.site import Site
from homeprod.wiring.doorbell import choose_connection

PATIENCE = 3.0
"""Seconds for a proxy to answer; all are asked at once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate of a proxy as the site declares it, and how it is with it; ``why_not`` says why nobody knows."""

    machine: str
    certificate: Certificate
    standing: Standing | None
    why_not: str = ""

    @property
    def trouble(self) -> str:
        return self.standing.trouble if self.standing is not None else ""

    def describe(self) -> dict[str, object]:
        """For ``--json``."""
        own, found = self.certificate, self.standing
        return {
            "names": [str(name) for name in own.names],
            "by": own.by,
            "serial": found.serial if found is not None else None,
            "ends": found.ends.isoformat() if found is not None else None,
            "days": found.days if found is not None else None,
            "trouble": self.trouble or None,
            "unknown": self.why_not or None,
        }

    def __str__(self) -> str:
        title = f"{self.machine}: certificate {self.certificate.names[0]}"
        if self.standing is None:
            return f"{title}: not known: {self.why_not}"
        days = f"{self.standing.days} day{'s' * (self.standing.days != 1)} left"
        return f"{title}: {days}" + (f"; warning: {self.trouble}" if self.trouble else "")


def look(site: Site, running: set[str], *, lab: str = "") -> list[Shown]:
    """At those of proxies that run, in the order of the site."""
    connect = choose_connection(lab, PATIENCE)
    asked = list(_list_asked(site, running))
    if not asked:
        return []
    with ThreadPoolExecutor(max_workers=len(asked)) as pool:
        return list(pool.map(partial(_ask, connect), asked))


@dataclass(frozen=True, slots=True)
class _Asked:
    machine: str
    certificate: Certificate
    address: str
    name: str


def _list_asked(site: Site, running: set[str]) -> Iterator[_Asked]:
    for proxy in site.entry.proxies if site.entry is not None else ():
        place = locate_machine(site, proxy.machine)
        if proxy.machine in running and place is not None:
            for certificate in proxy.certificates:
                if name := name_served(proxy, certificate):
                    yield _Asked(proxy.machine, certificate, str(place.address), name)


def _ask(connect: Callable[[str, int], socket], asked: _Asked) -> Shown:
    try:
        der = read_served(connect, asked.address, asked.name)
        return Shown(asked.machine, asked.certificate, judge(der, asked.name, datetime.now(UTC)))
    except HomeprodError as error:
        why_not = error.message
    except (OSError, ValueError) as error:
        why_not = "no answer in time" if isinstance(error, TimeoutError) else _word(error)
    return Shown(asked.machine, asked.certificate, None, why_not)


def _word(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)

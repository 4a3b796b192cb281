"""What nginx would choose: the passthrough a route by the name in the TLS hello, or by Host; a proxy a service.

Names are texts in which each character stands for one byte that a client sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from homeprod.core.hostname import NamePattern, fold
from homeprod.network.choice import Choice, Miss, choose
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Entry, Proxy, Route
from homeprod.site.entry.service import Service
from homeprod.site.entry.table import find_certificate

LONGEST_SNI = 255
"""TLSEXT_MAXLEN_host_name: OpenSSL breaks off the handshake where the name is longer, or holds a NUL."""


def choose_route(entry: Entry, name: str) -> Choice[Route]:
    """``name`` is that of the hello, empty where there is none: no SNI, no TLS at all, or nothing sent until
    ``preread_timeout``. The map takes any bytes, so that a name no proxy would accept still has a route."""
    return choose(((route.name, route) for route in entry.routes), fold(name))


def find_goal(entry: Entry, choice: Choice[Route]) -> Proxy:
    """The proxy that a choice leads to."""
    machine = entry.default if choice.owner is None else choice.owner.to
    return next(proxy for proxy in entry.proxies if proxy.machine == machine)


def choose_service(proxy: Proxy, name: str, *, from_: str = "wan") -> Choice[Service]:
    """By a name that was folded. What is for the LAN alone is not served to those whom the passthrough brings."""
    rules = list(_list_rules(proxy))
    if from_ == "lan":
        return choose(rules, name)
    hidden = [(pattern, service) for pattern, service in rules if service.access == "lan"]
    choice = choose([rule for rule in rules if rule not in hidden], name)
    misses = [Miss(one, service, _tell_hidden(service), one.matches(name)) for one, service in hidden]
    return replace(choice, misses=(*choice.misses, *misses))


def choose_certificate(proxy: Proxy, choice: Choice[Service]) -> Certificate:
    """Which one a client sees: a server block has one, so it goes by the pattern that the name was found by; the
    proxy's first, where it was found by none."""
    found = find_certificate(proxy, choice.pattern) if choice.pattern is not None else None
    return found or proxy.certificates[0]


def is_good_for(certificate: Certificate, name: str) -> bool:
    """Whether a client that asked for the name accepts it."""
    return any(own.covers(name) for own in certificate.names)


def is_refused(name: str) -> bool:
    """Whether OpenSSL breaks off the handshake for the name in the hello."""
    return len(name) > LONGEST_SNI or "\0" in name


def _list_rules(proxy: Proxy) -> Iterator[tuple[NamePattern, Service]]:
    for service in proxy.services:
        yield from ((name, service) for name in service.names)


def _tell_hidden(service: Service) -> str:
    return f"{service.name} is for the LAN alone"

"""Split DNS: what the LAN's own resolvers answer, so that its requests go straight to the proxy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.core.hostname import NamePattern
from homeprod.network.choice import Choice, choose
from homeprod.site.declared import Declared
from homeprod.site.entry.entry import Entry, Proxy


@dataclass(frozen=True, slots=True)
class Record:
    """A name, or all below a zone, and the proxy whose address is the answer. ``cause`` is the service or route."""

    name: NamePattern
    proxy: Proxy
    cause: Declared


def list_records(entry: Entry) -> tuple[Record, ...]:
    """One for each name of a service and each route, a service's first: for the LAN its proxy serves it, wherever the
    outside is led. In the order of their names."""
    found = {record.name: record for record in [*_list_routes(entry), *_list_services(entry)]}
    return tuple(record for _, record in sorted(found.items()))


def choose_record(entry: Entry, name: str) -> Choice[Record]:
    """As resolvers do: the exact name, else the nearest zone. ``name`` is folded."""
    return choose(((record.name, record) for record in list_records(entry)), name)


def _list_routes(entry: Entry) -> Iterator[Record]:
    proxies = {proxy.machine: proxy for proxy in entry.proxies}
    yield from (Record(route.name, proxies[route.to], route) for route in entry.routes)


def _list_services(entry: Entry) -> Iterator[Record]:
    for proxy in entry.proxies:
        for service in proxy.services:
            yield from (Record(name, proxy, service) for name in service.names)

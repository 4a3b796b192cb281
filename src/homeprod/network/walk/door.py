"""Door: where a way can be entered, and what the table says of all that lies behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from homeprod.network.atproxy import follow_into
from homeprod.network.resolvers.answers import Ip
from homeprod.network.way import Answer, Hop, HopKind, Way
from homeprod.site.entry.entry import Entry, Origin, Proxy
from homeprod.site.entry.place import Place, locate_machine
from homeprod.site.entry.table import find_proxy
from homeprod.site.site import Site

_LOCAL = ip_network("fc00::/7")
"""Of the site alone (RFC 4193): nobody outside has a way there."""
_UNKNOWN = "the site does not know its outer address; name it with --at"
_OTHERWISE = "its door for the LAN answers otherwise, and that for the passthrough answers to nobody else"


@dataclass(frozen=True, slots=True)
class Door:
    """``proxy`` is the one that should answer. ``from_`` is which side of the router asks here. Without an
    ``address`` it is not asked, and ``why_not`` says so."""

    kind: HopKind
    name: str
    address: Ip | None
    port: int
    from_: Origin
    answer: Answer
    proxy: Proxy | None
    why_not: str = ""


def list_doors(site: Site, entry: Entry, way: Way, outer: tuple[Ip, ...]) -> Iterator[Door]:
    """In the order of the way. ``outer`` are the router's addresses outside, as far as anybody knows them."""
    machine = next((hop.name for hop in way.hops if hop.kind == "proxy"), "")
    proxy = find_proxy(entry, machine)
    for hop in way.hops:
        if hop.kind == "router":
            yield from _list_outer(site, entry, way, hop, proxy, outer)
        elif hop.kind == "passthrough" and hop.port is not None:
            for address in _list_addresses(hop.place, way, is_first=way.hops[0] is hop):
                yield Door("passthrough", hop.name, address, hop.port, "lan", way.answer, proxy)
        elif hop.kind == "proxy" and proxy is not None:
            yield from _list_own(site, way, proxy, is_first=way.hops[0] is hop)


def _list_outer(
    site: Site, entry: Entry, way: Way, hop: Hop, proxy: Proxy | None, outer: tuple[Ip, ...]
) -> Iterator[Door]:
    """By the router's address, and by the passthrough's own in IPv6, which the router only lets through."""
    port, asked = way.target.port, way.target.address
    place = locate_machine(site, entry.passthrough)
    own = place.address6 if place is not None else None
    addresses = [asked] if asked is not None else [*outer]
    if asked is None and outer and own is not None and own not in _LOCAL and own not in outer:
        addresses.append(own)
    for address in addresses:
        yield Door("router", hop.name, address, port, "wan", way.answer, proxy)
    if not addresses:
        yield Door("router", hop.name, None, port, "wan", way.answer, proxy, _UNKNOWN)


def _list_own(site: Site, way: Way, proxy: Proxy, *, is_first: bool) -> Iterator[Door]:
    """The proxy's doors for the LAN: those for the passthrough answer to nobody else."""
    answer = way.answer if way.from_ == "lan" else follow_into(site, proxy, way.target, "lan")[1]
    why_not = _OTHERWISE if (answer.end, answer.service) != (way.answer.end, way.answer.service) else ""
    for address in _list_addresses(locate_machine(site, proxy.machine), way, is_first=is_first):
        yield Door("proxy", proxy.machine, address, way.target.port, "lan", answer, proxy, why_not)


def _list_addresses(place: Place | None, way: Way, *, is_first: bool) -> tuple[Ip, ...]:
    if is_first and way.target.address is not None:
        return (way.target.address,)
    if place is None:
        return ()
    return (place.address, *([place.address6] if place.address6 is not None else []))

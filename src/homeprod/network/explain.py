"""The whole way of a request, by the table alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from homeprod.core.hostname import fold
from homeprod.network.atproxy import follow_into
from homeprod.network.atresolvers import ask_resolvers
from homeprod.network.choice import Choice
from homeprod.network.hostheader import read_host
from homeprod.network.rendered.clues import trace_route, trace_router
from homeprod.network.routing import choose_route, find_goal
from homeprod.network.splitdns import choose_record
from homeprod.network.way import Answer, Hop, Other, Rule, Way
from homeprod.site.entry.entry import Entry, Origin, Proxy, Route
from homeprod.site.entry.place import list_numbers, locate_machine, locate_number
from homeprod.site.entry.target import Target
from homeprod.site.site import Site


def explain(site: Site, entry: Entry, target: Target, from_: Origin) -> Way:
    """Every hop from the LAN, or from outside, to where it ends. ``entry`` is the site's."""
    if _is_askers_own(target):
        return Way(
            target, from_, (), Answer("nowhere", f"{target.host} is whoever asks for it: nothing of it comes here")
        )
    hops, answer = _follow_lan(site, entry, target) if from_ == "lan" else _follow_wan(site, entry, target)
    return Way(target, from_, tuple(hops), answer)


def _follow_wan(site: Site, entry: Entry, target: Target) -> tuple[list[Hop], Answer]:
    network = site.config.addresses.network
    if why_not := _explain_unled(site, entry, target.address):
        return [], Answer("nowhere", why_not)
    gateway = locate_number(site, "", network.gateway)
    name = site.config.addresses.reserved.get(network.gateway, "router")
    clues = trace_router(site, entry, target.port)
    rule = Rule(f"port {target.port} → {entry.passthrough}", entry, "passthrough", clues=clues)
    hop = Hop("router", name, gateway, target.port, _tell_passing(site, entry, target), (rule,))
    hops, answer = _follow_passthrough(site, entry, target)
    return [hop, *hops], answer


def _is_askers_own(target: Target) -> bool:
    """RFC 6761, section 6.3; Linux takes the unspecified address as its own, too."""
    if target.address is not None:
        return target.address.is_loopback or target.address.is_unspecified
    return f".{fold(target.host)}".endswith(".localhost")


def _explain_unled(site: Site, entry: Entry, address: IPv4Address | IPv6Address | None) -> str:
    """Why nothing leads from outside to the address; empty where it may be the router's, or is the passthrough's."""
    if address is not None and is_hidden(site, entry, address):
        return f"{address} is inside of the LAN: from outside nobody gets there"
    own = _find_ipv6(site, entry)
    if not isinstance(address, IPv6Address) or address == own:
        return ""
    if own is None:
        return f"the way in has no IPv6, so nothing leads in by {address}"
    return f"nothing leads in by {address}: IPv6 is not translated, so it goes to {own} itself, {entry.passthrough}"


def _tell_passing(site: Site, entry: Entry, target: Target) -> str:
    """What the public DNS says is not the site's to know; of a name in the table it is taken as said."""
    doubt = ", if the address is its own" if target.address is not None else ""
    if target.address is None and choose_record(entry, fold(target.host)).owner is None:
        doubt = ", if the public DNS leads the name here"
    kinds = "IPv4 by NAT" + (", IPv6 as it is" if _find_ipv6(site, entry) is not None else "")
    if isinstance(target.address, IPv6Address):
        return "lets the port through: IPv6 as it is"
    return f"passes the port on{doubt}: {kinds}"


def _find_ipv6(site: Site, entry: Entry) -> IPv6Address | None:
    place = locate_machine(site, entry.passthrough)
    return place.address6 if place is not None else None


def is_hidden(site: Site, entry: Entry, address: IPv4Address | IPv6Address) -> bool:
    """The router has the IPv4 address that the outside sees; in IPv6 the passthrough has one of its own."""
    network = site.config.addresses.network
    if isinstance(address, IPv4Address):
        return address in network.subnet
    is_inside = network.subnet6 is not None and address in network.subnet6
    return is_inside and address != _find_ipv6(site, entry)


def _follow_lan(site: Site, entry: Entry, target: Target) -> tuple[list[Hop], Answer]:
    """Split DNS stands in the place of NAT that leads back in."""
    if target.address is not None:
        return _follow_address(site, entry, target)
    told = ask_resolvers(site, entry, fold(target.host))
    hops, answer = _follow_told(site, told.proxy, target)
    if told.by_unbound is not told.proxy:
        _, other = _follow_told(site, told.by_unbound, target)
        answer = replace(answer, words=f"{answer.words}; with unbound or OPNsense: {other.words}")
    return [told.hop, *hops], answer


def _follow_told(site: Site, proxy: Proxy | None, target: Target) -> tuple[list[Hop], Answer]:
    if proxy is not None:
        return follow_into(site, proxy, target, "lan")
    words = "the LAN's resolvers have no record of it, so it leads to wherever the public DNS says"
    return [], Answer("nowhere", words)


def _follow_address(site: Site, entry: Entry, target: Target) -> tuple[list[Hop], Answer]:
    for proxy in entry.proxies:
        place = locate_machine(site, proxy.machine)
        if place is not None and target.address in (place.address, place.address6):
            return follow_into(site, proxy, target, "lan")
    own = [locate_number(site, "", number) for number in list_numbers(site, entry.passthrough)]
    if any(target.address in (place.address, place.address6) for place in own):
        return _follow_passthrough(site, entry, target)
    network = site.config.addresses.network
    if target.address in network.subnet or (network.subnet6 is not None and target.address in network.subnet6):
        return [], Answer("nowhere", f"{target.address} is no machine's of the way in")
    words = "lies outside of the LAN: were it the router's own, it would lead nowhere from inside; ask by a name"
    return [], Answer("nowhere", f"{target.address} {words}")


def _follow_passthrough(site: Site, entry: Entry, target: Target) -> tuple[list[Hop], Answer]:
    place = locate_machine(site, entry.passthrough)
    if target.port == 443:
        is_named = target.scheme == "https" and target.address is None
        choice = choose_route(entry, target.host if is_named else "")
        does = "passes TLS on untouched, by the name in its hello"
    else:
        host = read_host(f"[{target.host}]" if ":" in target.host else target.host)
        if target.scheme == "https" or host is None:
            why = "TLS on port 80" if target.scheme == "https" else "no valid Host"
            hop = Hop("passthrough", entry.passthrough, place, target.port, "reads HTTP here")
            return [hop], Answer("refused", f"{why}: answered with 400", 400)
        choice = choose_route(entry, host)
        does = "passes HTTP on by its Host"
    proxy = find_goal(entry, choice)
    hop = Hop("passthrough", entry.passthrough, place, target.port, does, (_tell_route(entry, choice, target.port),))
    hops, answer = follow_into(site, proxy, target, "wan")
    return [hop, *hops], answer


def _tell_route(entry: Entry, choice: Choice[Route], port: int) -> Rule:
    others = tuple(_list_others((miss.pattern, miss.owner, miss.why, miss.is_near) for miss in choice.misses))
    if choice.owner is None:
        why = "no route has the name" if choice.name else "no name was sent"
        clues = trace_route(entry, None, entry.default, port)
        return Rule(f"default → {entry.default}: {why}", entry, "default", others, clues)
    word = "its exact name" if choice.by == "exact" else "the longest wildcard with it"
    default = Other(f"default → {entry.default}", "a route has the name", entry, is_near=False)
    clues = trace_route(entry, choice.pattern, choice.owner.to, port)
    return Rule(f"route {choice.pattern} → {choice.owner.to}: {word}", choice.owner, "", (*others, default), clues)


def _list_others(misses: Iterable[tuple[str, Route, str, bool]]) -> Iterable[Other]:
    for pattern, route, why, is_near in misses:
        yield Other(f"route {pattern} → {route.to}", why, route, is_near)

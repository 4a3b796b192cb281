"""The way in as a graph: from the internet to each service, and from the LAN past all that."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from itertools import pairwise

from homeprod.diagram.graph import Edge, Graph, Node, NodeKind
from homeprod.site.declared import is_broken
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.place import Place, locate_machine, locate_number, locate_proxied, locate_upstream
from homeprod.site.entry.service import Service
from homeprod.site.entry.upstream import Upstream
from homeprod.site.site import Site

TLS_ENDS = "TLS ends here, with certificates for"
MOST_NAMES = 8
"""Of a service, a certificate or a route that are shown one by one."""


def describe_network(site: Site, entry: Entry) -> Graph:
    """Of a site that was checked; ``entry`` is its own."""
    outside = [Node("internet", "outside", "the internet")]
    if entry.uplink:
        outside.append(Node("uplink", "outside", entry.uplink))
    router, passthrough = _describe_router(site), _describe_passthrough(site, entry)
    proxies = [node for number, proxy in enumerate(entry.proxies) for node in _list_proxy(site, proxy, number)]
    chain = [*outside, router]
    edges = [
        *(Edge(one.key, other.key, "tls", ("HTTPS 443", "HTTP 80")) for one, other in pairwise(chain)),
        Edge("router", "passthrough", "tls", _tell_passing(site)),
        *_list_routes(site, entry),
        *_list_upstreams(entry),
        *_list_lan(site, entry),
    ]
    return Graph(
        f"{site.config.name}: the way in",
        (*outside, router, passthrough, *proxies, _describe_lan(site)),
        tuple(edges),
    )  # fmt: skip


def shorten(words: list[str], most: int = MOST_NAMES) -> list[str]:
    """The first ones, and how many more there are."""
    return words if len(words) <= most else [*words[: most - 1], f"and {len(words) - most + 1} more"]


def _describe_router(site: Site) -> Node:
    network = site.config.addresses.network
    name = site.config.addresses.reserved.get(network.gateway, "router")
    return _place_node("router", "router", name, locate_number(site, name, network.gateway))


def _place_node(key: str, kind: NodeKind, title: str, place: Place | None, *lines: str) -> Node:
    """Its first address beside its name."""
    addresses = [str(one) for one in (place.address, place.address6) if one is not None] if place is not None else []
    return Node(key, kind, title, (*addresses[1:], *lines), aside=addresses[0] if addresses else "")


def _tell_passing(site: Site) -> tuple[str, ...]:
    words = ("NAT: 443 and 80",)
    return (*words, "IPv6: routed, no NAT") if site.config.addresses.network.subnet6 is not None else words


def _describe_passthrough(site: Site, entry: Entry) -> Node:
    does = "reads the name in the TLS hello, or Host on port 80; TLS goes on untouched"
    return _place_node("passthrough", "passthrough", entry.passthrough, locate_machine(site, entry.passthrough), does)


def _list_proxy(site: Site, proxy: Proxy, number: int) -> Iterator[Node]:
    key = f"proxy{number}"
    names = [
        f"{name} ({certificate.by})"
        for certificate in proxy.certificates
        if not is_broken(certificate)
        for name in certificate.names
    ]
    lines = (TLS_ENDS, *shorten(names))
    yield _place_node(key, "proxy", proxy.machine, locate_machine(site, proxy.machine), *lines)
    for index, service in enumerate(proxy.services):
        yield _describe_service(site, service, f"{key}service{index}", key)


def _describe_service(site: Site, service: Service, key: str, within: str) -> Node:
    upstreams = [_tell_upstream(site, upstream) for upstream in service.upstreams]
    marks = (
        ("LAN only", service.access == "lan"),
        ("websockets", service.websockets),
        ("http too", service.http == "pass"),
    )
    more = [word for word, is_so in marks if is_so]
    kind: NodeKind = "lan-service" if service.access == "lan" else "service"
    lines = (*shorten([str(name) for name in service.names]), *shorten(upstreams))
    return Node(key, kind, service.name, lines, within, ", ".join(more))


def _tell_upstream(site: Site, upstream: Upstream) -> str:
    place = locate_upstream(site, upstream)
    name = place.name if place is not None else str(upstream.host)
    address = place.address if place is not None else upstream.host
    where = f"[{address}]" if isinstance(address, IPv6Address) else address
    return f"→ {f'{name} ' if name else ''}{where}:{upstream.port}"


def _list_routes(site: Site, entry: Entry) -> Iterator[Edge]:
    for number, proxy in enumerate(entry.proxies):
        names = shorten([str(route.name) for route in entry.routes if route.to == proxy.machine])
        if proxy.machine == entry.default:
            names.append("every other name" if entry.routes else "every name")
        place = locate_proxied(site, proxy)
        where = place.address if place is not None else proxy.machine
        if names:
            ports = (
                f"PROXY protocol → {where}:{proxy.proxied_port}",
                f"HTTP by Host → {where}:{proxy.proxied_http_port}",
            )
            yield Edge("passthrough", f"proxy{number}", "proxied", (*names, *ports))


def _list_upstreams(entry: Entry) -> Iterator[Edge]:
    for number, proxy in enumerate(entry.proxies):
        for index, service in enumerate(proxy.services):
            is_tls = service.upstreams[0].scheme == "https"
            words = ("HTTPS" if is_tls else "HTTP",)
            yield Edge(f"proxy{number}", f"proxy{number}service{index}", "tls" if is_tls else "http", words)


def _list_lan(site: Site, entry: Entry) -> Iterator[Edge]:
    for number, proxy in enumerate(entry.proxies):
        place = locate_machine(site, proxy.machine)
        where = place.address if place is not None else proxy.machine
        yield Edge("lan", f"proxy{number}", "lan", (f"split DNS → {where}",))


def _describe_lan(site: Site) -> Node:
    plan = site.config.addresses
    resolvers = [plan.reserved.get(one, str(plan.network.address(one))) for one in plan.network.resolvers]
    subnets = [str(one) for one in (plan.network.subnet, plan.network.subnet6) if one is not None]
    told = (
        f"{' and '.join(resolvers)} {'answer' if len(resolvers) > 1 else 'answers'}" if resolvers else "DNS answers"
    )
    lines = (*subnets[1:], f"{told} with the proxy's own address: straight to it, past router and passthrough")
    return Node("lan", "lan", "the LAN", lines, aside=subnets[0])

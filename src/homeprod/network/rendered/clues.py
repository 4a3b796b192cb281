"""Where the rules of a way stand in the rendered site, in the words that the renderers write."""

from __future__ import annotations

from homeprod.core.hostname import NamePattern
from homeprod.network.challenge import CHALLENGES
from homeprod.network.nat.nftables import write_passing
from homeprod.network.nat.opnsense import write_forward
from homeprod.network.nat.values import describe_nat
from homeprod.network.nginx.entry import group_names
from homeprod.network.nginx.proxy import CERTIFICATES, HTTP
from homeprod.network.nginx.template import write_place, write_source
from homeprod.network.rendered.clue import Clue
from homeprod.network.rendered.files import DNSMASQ, UNBOUND, name_nginx, name_router
from homeprod.network.resolvers.answers import Answer, Answers
from homeprod.network.resolvers.dnsmasq import write_address
from homeprod.network.resolvers.unbound import write_data
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.place import Place
from homeprod.site.entry.service import Service
from homeprod.site.site import Site

Clues = tuple[Clue, ...]
_MAPS = {443: "map $ssl_preread_server_name $gate {", 80: "map $host $gate {"}
_NOBODYS, _PLAIN = 'server_name "";', f"listen {HTTP} default_server reuseport;"


def trace_router(site: Site, entry: Entry, port: int) -> Clues:
    values = describe_nat(site, entry)
    line = write_forward(port) if entry.gateway is None else write_passing(values, entry.gateway, port)
    return (Clue(name_router(entry), (line,)),)


def trace_dnsmasq(answer: Answer) -> Clues:
    """The line with its first address, here and below."""
    return (Clue(DNSMASQ, (write_address(answer.name, answer.addresses[0]),)),)


def trace_unbound(values: Answers, answer: Answer) -> Clues:
    """Of an answer whose zone unbound has."""
    return (Clue(UNBOUND, (write_data(values, answer.name, answer.addresses[0]),)),)


def trace_route(entry: Entry, pattern: NamePattern | None, machine: str, port: int) -> Clues:
    """``pattern`` is None for the default; ``port`` is the one that was asked."""
    source = "default" if pattern is None else write_source(pattern)
    return (Clue(name_nginx(entry.passthrough), (_MAPS[port], f"{source} {machine};")),)


def trace_certificate(
    proxy: Proxy, certificate: Certificate, service: Service | None, pattern: NamePattern | None
) -> Clues:
    """``pattern`` is the one that the service was found by; without a service the default is shown."""
    names = (_NOBODYS,) if service is None else _find_block(proxy, service, pattern)
    line = f"ssl_certificate {CERTIFICATES}/{certificate.label}/chain.pem;"
    return (Clue(name_nginx(proxy.machine), (*names, line)),)


def trace_service(proxy: Proxy, service: Service | None, pattern: NamePattern | None, *, is_secure: bool) -> Clues:
    """The line with the names; where no service has the name, that of the answer."""
    if service is None:
        start = (_NOBODYS,) if is_secure else (_PLAIN, _NOBODYS)
        return (Clue(name_nginx(proxy.machine), (*start, 'return 421 "no service here has this name\\n";')),)
    steps = _find_block(proxy, service, pattern) if is_secure else _find_plain(service)
    return (Clue(name_nginx(proxy.machine), steps),)


def trace_challenge(proxy: Proxy, service: Service) -> Clues:
    return (Clue(name_nginx(proxy.machine), (*_find_plain(service), f"location ^~ {CHALLENGES} {{")),)


def trace_upstream(proxy: Proxy, service: Service, place: Place | None, port: int) -> Clues:
    if place is None:
        return ()
    steps = (f"upstream {service.name} {{", f"server {write_place(place.address, port)};")
    return (Clue(name_nginx(proxy.machine), steps),)


def _find_block(proxy: Proxy, service: Service, pattern: NamePattern | None) -> tuple[str, ...]:
    block = next(one for one in group_names(proxy, service) if pattern in one.names)
    return f"# service {service.name}", f"server_name {' '.join(block.names)};"


def _find_plain(service: Service) -> tuple[str, ...]:
    return f"# service {service.name}", f"listen {HTTP};", f"server_name {' '.join(service.names)};"

"""An Entry as its nginxes: the values of the passthrough's configuration and of each proxy's."""

from __future__ import annotations

from ipaddress import ip_network

from homeprod.network.nginx.passthrough import Gate, Passthrough
from homeprod.network.nginx.proxy import Block, Ip, IpNetwork, Proxy, Server
from homeprod.site.entry.entry import Entry
from homeprod.site.entry.entry import Proxy as DeclaredProxy
from homeprod.site.entry.place import RELEASES, Nginx, Place, locate_machine, locate_proxied, locate_upstream
from homeprod.site.entry.service import Service
from homeprod.site.entry.table import find_certificate
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

# RFC 1918; RFC 4193; RFC 4291 section 2.5.6; the machine itself.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10", "127.0.0.0/8", "::1/128")


def describe_passthrough(site: Site, entry: Entry) -> Passthrough:
    """Of a site that was checked."""
    gates = tuple(_describe_gate(site, proxy) for proxy in entry.proxies)
    return Passthrough({str(route.name): route.to for route in entry.routes}, entry.default, gates)


def describe_proxy(site: Site, entry: Entry, proxy: DeclaredProxy) -> Proxy:
    """Of a site that was checked."""
    proxied = () if proxy.proxied_number is None else _list_addresses(_require(locate_proxied(site, proxy)))
    return Proxy(
        servers=tuple(_describe_server(site, proxy, service) for service in proxy.services),
        passthroughs=_list_addresses(_require(locate_machine(site, entry.passthrough))),
        lan=_list_lan(site),
        release=_find_release(site, proxy.machine),
        default_certificate=proxy.certificates[0].label,
        passed_at=proxied,
        passed=proxy.proxied_port,
        passed_http=proxy.proxied_http_port,
    )


def _describe_gate(site: Site, proxy: DeclaredProxy) -> Gate:
    place = _require(locate_proxied(site, proxy))
    return Gate(proxy.machine, place.address, proxy.proxied_port, proxy.proxied_http_port)


def _describe_server(site: Site, proxy: DeclaredProxy, service: Service) -> Server:
    upstreams = tuple((_require(locate_upstream(site, one)).address, one.port) for one in service.upstreams)
    return Server(
        name=service.name,
        blocks=group_names(proxy, service),
        upstreams=upstreams,
        scheme=service.upstreams[0].scheme,
        websockets=service.websockets,
        body=service.body_limit or 0,
        connect=service.connect_limit,
        patience=service.answer_limit,
        redirects=service.http == "redirect",
        hsts=service.hsts,
        is_for_lan=service.access == "lan",
        is_verified=service.verify_upstream,
        headers=service.headers,
        request_headers=service.request_headers,
    )


def group_names(proxy: DeclaredProxy, service: Service) -> tuple[Block, ...]:
    """A server block shows one certificate, so names of another one get a block of their own."""
    grouped: dict[str, list[str]] = {}
    for name in service.names:
        certificate = find_certificate(proxy, name)
        if certificate is None:
            raise ValueError(f"no certificate is good for {name}: the site was not checked")
        grouped.setdefault(certificate.label, []).append(str(name))
    return tuple(Block(tuple(names), label) for label, names in grouped.items())


def _find_release(site: Site, name: str) -> Nginx:
    machine = site.machines[name].machine
    if not isinstance(machine, VirtualMachine):
        raise ValueError(f"{name} is no machine that homeprod made: the site was not checked")
    return RELEASES[machine.image.release]


def _list_lan(site: Site) -> tuple[IpNetwork, ...]:
    """What is no address of the internet's, and the site's own networks."""
    network = site.config.addresses.network
    own: list[IpNetwork] = [network.subnet, *([network.subnet6] if network.subnet6 is not None else [])]
    private = [ip_network(text) for text in _PRIVATE]
    return (*private, *(one for one in own if not any(_is_in(one, wide) for wide in private)))


def _is_in(one: IpNetwork, wide: IpNetwork) -> bool:
    return one.network_address in wide and one.broadcast_address in wide


def _list_addresses(place: Place) -> tuple[Ip, ...]:
    return (place.address, *([place.address6] if place.address6 is not None else []))


def _require(place: Place | None) -> Place:
    if place is None:
        raise ValueError("a machine without an address: the site was not checked")
    return place

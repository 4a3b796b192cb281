"""What an Entry says, looked up: whose a name is, which route leads to it, which certificate shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.core.hostname import NamePattern, pick
from homeprod.site.declared import is_broken
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Entry, Proxy, Route
from homeprod.site.entry.service import Service


@dataclass(frozen=True, slots=True)
class Claim:
    """One name of a service."""

    name: NamePattern
    service: Service
    proxy: Proxy


def list_claims(entry: Entry) -> Iterator[Claim]:
    """In the order of the site. Broken things are left out, here and below."""
    for proxy in entry.proxies:
        for service in proxy.services if not is_broken(proxy) else ():
            if not is_broken(service):
                yield from (Claim(name, service, proxy) for name in service.names)


def list_disputed(entry: Entry) -> set[NamePattern]:
    """Names that two services claim. Which of them is meant is not known, so nothing else is said of them."""
    owners: dict[NamePattern, set[int]] = {}
    for claim in list_claims(entry):
        owners.setdefault(claim.name, set()).add(id(claim.service))
    return {name for name, services in owners.items() if len(services) > 1}


def list_routes(entry: Entry) -> list[Route]:
    return [route for route in entry.routes if not is_broken(route)]


def find_route(entry: Entry, name: NamePattern) -> Route | None:
    """The route that leads to all that the pattern stands for, unless a narrower one leads a part elsewhere. None:
    the default does."""
    routes = {route.name: route for route in list_routes(entry)}
    if name.is_wildcard:
        below = f".{name.zone}"
        routes = {one: route for one, route in routes.items() if one.is_wildcard and one.matches(below)}
        found = max(routes, key=len, default=None)
    else:
        found = pick(routes, name)
    return routes[found] if found is not None else None


def find_proxy(entry: Entry, machine: str) -> Proxy | None:
    return next((proxy for proxy in entry.proxies if not is_broken(proxy) and proxy.machine == machine), None)


def find_certificate(proxy: Proxy, name: NamePattern) -> Certificate | None:
    """The proxy's certificate that is good for all that the pattern stands for: one that has it literally before one
    with a star, then the first."""
    sound = [certificate for certificate in proxy.certificates if not is_broken(certificate)]
    literal = (one for one in sound if name in one.names)
    starred = (one for one in sound if any(own.covers(name) for own in one.names))
    return next(literal, None) or next(starred, None)


def find_public(proxy: Proxy, name: NamePattern) -> Service | None:
    """Whose the name is for those outside. One of a service for the LAN alone is as unknown there, so that a public
    wildcard has it."""
    sound = [service for service in proxy.services if not is_broken(service) and service.access == "public"]
    names = {name: service for service in sound for name in service.names}
    found = pick(names, name.replace("*", "homeprod"))
    return names[found] if found is not None else None


def list_near(proxy: Proxy, certificate: Certificate) -> list[NamePattern]:
    """The names in it that are for the LAN alone."""
    sound = [service for service in proxy.services if not is_broken(service) and service.access == "lan"]
    return [name for service in sound for name in service.names if name in certificate.names]


def find_wider(entry: Entry, route: Route) -> Route | None:
    """The one that leads what the route is for where it would go without it. None: the default does."""
    below = f".{route.name.zone}" if route.name.is_wildcard else route.name
    others = (one for one in list_routes(entry) if one is not route and one.name.is_wildcard)
    return max((one for one in others if one.name.matches(below)), key=lambda one: len(one.name), default=None)


def is_led_to(entry: Entry, proxy: Proxy) -> bool:
    """Whether anything from outside comes to it."""
    return proxy.machine in (entry.default, *(route.to for route in list_routes(entry)))


def name_served(proxy: Proxy, certificate: Certificate) -> str:
    """A name that the proxy shows this certificate for, at the LAN's doors; empty where it is shown for none. The
    first one is shown for every name that nothing serves (RFC 6761, section 6.4: nobody has `invalid`)."""
    names = [name for service in proxy.services if not is_broken(service) for name in service.names]
    shown = [name for name in names if find_certificate(proxy, name) is certificate]
    if shown:
        return str(min(shown, key=lambda name: name.is_wildcard)).replace("*", "homeprod")
    return "homeprod.invalid" if certificate is proxy.certificates[0] else ""

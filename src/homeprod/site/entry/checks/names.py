"""Checks of the names in an Entry: each claimed once, and led to where it is served."""

from __future__ import annotations

from homeprod.core.hostname import NamePattern
from homeprod.site.controlchecks import Report
from homeprod.site.declared import Declared, is_broken, source_of
from homeprod.site.entry.checks.meant import is_known
from homeprod.site.entry.entry import Entry, Route
from homeprod.site.entry.service import Service
from homeprod.site.entry.table import Claim, find_proxy, find_route, list_claims, list_disputed, list_routes
from homeprod.site.site import Site


def check_names(site: Site, entry: Entry, report: Report) -> None:
    _check_routes(site, entry, report)
    _check_names(site, entry, report)
    _check_services(site, entry, report)
    disputed = list_disputed(entry)
    for claim in list_claims(entry):
        is_clear = claim.name not in disputed and is_known(site, claim.proxy.machine)
        if claim.service.access == "public" and is_clear:
            _check_way(entry, claim, report)


def _tell_place(site: Site, declared: Declared, keyword: str) -> str:
    source = source_of(declared)
    return f" ({source.file.relative_to(site.root)}:{source.line_of(keyword)})" if source is not None else ""


def _check_routes(site: Site, entry: Entry, report: Report) -> None:
    seen: dict[NamePattern, Route] = {}
    for route in list_routes(entry):
        if route.name in seen:
            other = seen[route.name]
            place = _tell_place(site, other, "name")
            message = f"two routes claim {route.name}: it goes to {other.to} already{place}"
            report(route, "", message, "keep one of them")
        seen.setdefault(route.name, route)


def _check_names(site: Site, entry: Entry, report: Report) -> None:
    names: dict[NamePattern, Service] = {}
    for claim in list_claims(entry):
        other = names.setdefault(claim.name, claim.service)
        if other is not claim.service:
            place = _tell_place(site, other, "names")
            message = f"{claim.name} is claimed by the service {other.name} already{place}"
            report(claim.service, "names", message, "leave it to one of the two")
    for service in {id(claim.service): claim.service for claim in list_claims(entry)}.values():
        for name in sorted({name for name in service.names if service.names.count(name) > 1}):
            report(service, "names", f"{name} stands there twice", "take one of them away")


def _check_services(site: Site, entry: Entry, report: Report) -> None:
    """A service's name is part of file names, and what expectations call it by, so there is one of each."""
    seen: dict[str, Service] = {}
    for proxy in entry.proxies:
        for service in () if is_broken(proxy) else proxy.services:
            if is_broken(service) or (other := seen.setdefault(service.name, service)) is service:
                continue
            message = f"two services are called {service.name}{_tell_place(site, other, 'name')}"
            report(service, "name", message, "give each a name of its own")


def _check_way(entry: Entry, claim: Claim, report: Report) -> None:
    route = find_route(entry, claim.name)
    goal = entry.default if route is None else route.to
    if goal == claim.proxy.machine or find_proxy(entry, goal) is None:
        return  # a goal that is none was reported, or may be a proxy with a mistake
    hint = f'write this route:\n\n  Route("{claim.name}", to="{claim.proxy.machine}")'
    if route is not None and route.name != claim.name:
        message = f"the route {route.name} leads {claim.name} to {goal}, and {claim.proxy.machine} serves it"
    elif route is not None:
        message = f"its route leads {claim.name} to {goal}, and {claim.proxy.machine} serves it"
        hint = f'write to="{claim.proxy.machine}" into that route, or move the service'
    else:
        message = f"no route leads {claim.name} to {claim.proxy.machine}: it goes to {goal}, the default"
    report(claim.service, "names", message, hint)

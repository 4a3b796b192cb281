"""Checks of the names in an Entry: each claimed once, and led to where it is served."""

from __future__ import annotations

from homeprod.core.hostname import NamePattern
from homeprod.site.controlchecks import Report
from homeprod.site.declared import is_broken
from homeprod.site.entry.checks.meant import is_known
from homeprod.site.entry.entry import Entry, Route
from homeprod.site.entry.service import Service
from homeprod.site.entry.table import Claim, find_proxy, find_route, list_claims, list_routes
from homeprod.site.site import Site


def check_names(site: Site, entry: Entry, report: Report) -> None:
    _check_routes(entry, report)
    _check_services(entry, report)
    for claim in list_claims(entry):
        if claim.service.access == "public" and is_known(site, claim.proxy.machine):
            _check_way(entry, claim, report)


def _check_routes(entry: Entry, report: Report) -> None:
    seen: dict[NamePattern, Route] = {}
    for route in list_routes(entry):
        if route.name in seen:
            message = f"two routes claim {route.name}: it goes to {seen[route.name].to} already"
            report(route, "", message, "keep one of them")
        seen.setdefault(route.name, route)


def _check_services(entry: Entry, report: Report) -> None:
    """A service's name is part of file names, and what expectations call it by, so there is one of each."""
    names: dict[NamePattern, Service] = {}
    for claim in list_claims(entry):
        if claim.name in names:
            other = names[claim.name]
            twice = (
                "stands there twice" if other is claim.service else f"is claimed by the service {other.name} already"
            )
            report(claim.service, "names", f"{claim.name} {twice}", "")
        names.setdefault(claim.name, claim.service)
    seen: dict[str, int] = {}
    for proxy in entry.proxies:
        for service in () if is_broken(proxy) else proxy.services:
            if not is_broken(service) and seen.setdefault(service.name, id(service)) != id(service):
                report(service, "name", f"two services are called {service.name}", "")


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

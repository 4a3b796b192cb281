"""Notes on an Entry: what is no mistake, and may well be forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.diagnostic import Diagnostic
from homeprod.core.letters import find_mixed, show_letters, tell_letter
from homeprod.site.configured import advise_configuring, explain_unconfigured
from homeprod.site.declared import Declared, source_of
from homeprod.site.entry.entry import Entry, Route
from homeprod.site.entry.table import (
    find_proxy,
    find_public,
    find_route,
    find_wider,
    is_led_to,
    list_claims,
    list_near,
    name_served,
)
from homeprod.site.site import Site

_PLACES = {
    "Proxy": "proxies= of the Entry",
    "Service": "services= of a Proxy",
    "Certificate": "certificates= of a Proxy",
    "Route": "routes= of the Entry",
    "Expectation": "expectations= of the Entry",
    "Gateway": "gateway= of the Entry",
}


def find_entry_notes(site: Site) -> Iterator[Diagnostic]:
    if site.entry is None:
        return
    yield from _find_unconfigured(site, site.entry)
    yield from _find_idle_routes(site, site.entry)
    yield from _find_needless_routes(site, site.entry)
    yield from _find_shown_names(site, site.entry)
    yield from _find_idle_certificates(site, site.entry)
    yield from _find_swallowed(site, site.entry)
    yield from _find_unread(site)
    yield from _find_mixed(site, site.entry)


def _find_unconfigured(site: Site, entry: Entry) -> Iterator[Diagnostic]:
    """Its files can be rendered and placed by hand."""
    for place, keyword, name in (
        (entry, "passthrough", entry.passthrough),
        *((proxy, "machine", proxy.machine) for proxy in entry.proxies),
        *_list_gateway(entry),
    ):
        if why := explain_unconfigured(site.machines[name]):
            message = f"no control node configures {name}, so nobody brings it its part of the way in: {why}"
            yield _note(site, place, keyword, message, advise_configuring(site, site.machines[name]))


def _list_gateway(entry: Entry) -> Iterator[tuple[Declared, str, str]]:
    if entry.gateway is not None and entry.gateway.machine is not None:
        yield entry.gateway, "machine", entry.gateway.machine


def _find_idle_routes(site: Site, entry: Entry) -> Iterator[Diagnostic]:
    """Whoever asks for such a name is answered with 421."""
    used = {find_route(entry, claim.name) for claim in list_claims(entry)}
    for route in entry.routes:
        below = [claim.name for claim in list_claims(entry) if route.name.matches(claim.name)]
        if route not in used and not below and not _is_needless(entry, route):
            message = f"the route {route.name} leads to {route.to}, which serves no such name"
            yield _note(site, route, "", message, "write the service into the Proxy, or take the route away")


def _find_shown_names(site: Site, entry: Entry) -> Iterator[Diagnostic]:
    for proxy in entry.proxies:
        first = proxy.certificates[0]
        if is_led_to(entry, proxy) and (near := list_near(proxy, first)):
            message = f"{near[0]} is for the LAN alone, and the first certificate is shown outside, for unknown names"
            hint = "put one first that may be seen, such as one of a wildcard by dns-01"
            yield _note(site, first, "names", message, hint)


def _find_needless_routes(site: Site, entry: Entry) -> Iterator[Diagnostic]:
    for route in entry.routes:
        if not _is_needless(entry, route):
            continue
        wider = find_wider(entry, route)
        where = f"the route {wider.name} leads" if wider else "the default leads"
        below = f"the LAN's resolvers send every name below {route.name.zone} to {route.to}"
        effect = "nothing changes by it" if wider else f"its only effect is that {below}"
        yield _note(
            site, route, "", f"the route {route.name} leads where {where} without it", f"take it away: {effect}"
        )


def _is_needless(entry: Entry, route: Route) -> bool:
    """One of a name alone does no harm. Where a service has the same wildcard, the resolvers answer by that."""
    wider = find_wider(entry, route)
    is_served = any(claim.name == route.name for claim in list_claims(entry))
    return route.name.is_wildcard and not is_served and route.to == (wider.to if wider else entry.default)


def _find_idle_certificates(site: Site, entry: Entry) -> Iterator[Diagnostic]:
    for proxy in entry.proxies:
        for certificate in proxy.certificates:
            if not name_served(proxy, certificate):
                message = f"the certificate of {certificate.names[0]} is good for no service of {proxy.machine}"
                hint = "take it away, unless a service is to come; nobody is shown it, and it is renewed all the same"
                yield _note(site, certificate, "", message, hint)


def _find_swallowed(site: Site, entry: Entry) -> Iterator[Diagnostic]:
    for claim in list_claims(entry):
        if claim.service.access != "lan":
            continue
        route = find_route(entry, claim.name)
        goal = find_proxy(entry, route.to if route is not None else entry.default)
        if goal is not None and (other := find_public(goal, claim.name)) is not None:
            message = f"{claim.name} is for the LAN alone, and who asks for it outside is answered by {other.name}"
            hint = f"{other.name} is public, and has a wildcard there; where that is not meant, write its exact names"
            yield _note(site, claim.service, "names", message, hint)


def _find_unread(site: Site) -> Iterator[Diagnostic]:
    for part in site.unread:
        kind = type(part).__name__
        message = f"this {kind} is read by nothing: the entry does not hold it"
        yield _note(site, part, "", message, f"write it into {_PLACES[kind]}, or take it away")


def _find_mixed(site: Site, entry: Entry) -> Iterator[Diagnostic]:
    """Whoever reads such a name takes it for another; a browser shows the second form."""
    for place, keyword, names in (
        *((route, "name", (route.name,)) for route in entry.routes),
        *((service, "names", service.names) for proxy in entry.proxies for service in proxy.services),
        *((one, "names", one.names) for proxy in entry.proxies for one in proxy.certificates),
    ):
        for name in names:
            if sign := find_mixed(name):
                message = f"{show_letters(name)} is {name}: its {sign} is a {tell_letter(sign)}"
                yield _note(site, place, keyword, message, "write the letter anew, where the Latin one is meant")


def _note(site: Site, declared: Declared, keyword: str, message: str, hint: str) -> Diagnostic:
    source = source_of(declared)
    if source is None:
        return Diagnostic("modules", 1, message, hint)
    line = source.line_of(keyword) if keyword else source.line
    return Diagnostic(str(source.file.relative_to(site.root)), line, message, hint)

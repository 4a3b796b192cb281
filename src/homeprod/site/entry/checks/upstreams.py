"""Checks of where services' requests go on to: a place that is there, in the LAN, and no loop."""

from __future__ import annotations

from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from homeprod.site.controlchecks import Report
from homeprod.site.declared import is_broken
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.place import Place, explain_homeless, is_inside, list_numbers, locate_number, locate_upstream
from homeprod.site.entry.service import Service
from homeprod.site.entry.upstream import Upstream
from homeprod.site.site import Site


def check_upstreams(site: Site, entry: Entry, report: Report) -> None:
    for proxy in entry.proxies:
        for service in () if is_broken(proxy) else proxy.services:
            for upstream in () if is_broken(service) else service.upstreams:
                _check_upstream(site, entry, proxy, service, upstream, report)


def _check_upstream(
    site: Site, entry: Entry, proxy: Proxy, service: Service, upstream: Upstream, report: Report
) -> None:
    place = locate_upstream(site, upstream)
    if place is None:
        _report_nowhere(site, service, upstream, report)
        return
    for machine, what in ((proxy.machine, "the proxy itself"), (entry.passthrough, "the passthrough")):
        if place.address in _list_addresses(site, machine):
            report(service, "upstreams", f"{upstream} is {what}: its requests would come back to it", "")
            return
    if not _is_near(site, entry, place):
        message = f"{upstream} is outside of the LAN, {site.config.addresses.network.subnet}"
        hint = f'where that is meant, say so in the Entry:\n\n  foreign=("{place.address}",)'
        report(service, "upstreams", message, hint)


def _report_nowhere(site: Site, service: Service, upstream: Upstream, report: Report) -> None:
    name = str(upstream.host)
    if name in site.machines:
        if not is_broken(site.machines[name].machine) and (problem := explain_homeless(site, name)):
            report(service, "upstreams", f"{upstream}: {name} {problem}", "")
        return  # else that was reported
    if (site.root / "modules" / f"{name.replace('-', '_')}_vm.py").exists():
        return  # its module failed to load, and that was reported
    known = [*site.machines, *site.config.addresses.reserved.values()]
    close = get_close_matches(name, known, 1)
    hint = f"is {close[0]} meant?" if close else "it needs a machine of the site, a reserved number's, or an address"
    report(service, "upstreams", f"{upstream}: the site has no machine {name}", hint)


def _list_addresses(site: Site, machine: str) -> list[IPv4Address | IPv6Address | None]:
    if machine not in site.machines or is_broken(site.machines[machine].machine):
        return []
    places = [
        locate_number(site, machine, number) for number in list_numbers(site, machine) if is_inside(site, number)
    ]
    return [address for place in places for address in (place.address, place.address6)]


def _is_near(site: Site, entry: Entry, place: Place) -> bool:
    network = site.config.addresses.network
    inside: list[IPv4Network | IPv6Network | None] = [network.subnet, network.subnet6, *entry.foreign]
    return any(one is not None and place.address in one for one in inside)

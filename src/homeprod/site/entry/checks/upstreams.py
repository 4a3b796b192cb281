"""Checks of where services' requests go on to: a place that is there, in the LAN, and no loop."""

from __future__ import annotations

from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network

from homeprod.site.controlchecks import Report
from homeprod.site.declared import is_broken
from homeprod.site.entry.checks.meant import is_known
from homeprod.site.entry.doors import find_listener
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.place import Place, explain_homeless, locate_upstream
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
    if listener := find_listener(site, entry, proxy, place.address, upstream.port):
        message, hint = _explain_loop(entry, proxy, listener)
        report(service, "upstreams", f"{upstream} is {message}", hint)
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
    if is_known(site, name):
        return
    known = [*site.machines, *site.config.addresses.reserved.values()]
    close = get_close_matches(name, known, 1)
    hint = f"is {close[0]} meant?" if close else "it needs a machine of the site, a reserved number's, or an address"
    report(service, "upstreams", f"{upstream}: the site has no machine {name}", hint)


def _explain_loop(entry: Entry, proxy: Proxy, listener: str) -> tuple[str, str]:
    if listener == proxy.machine:
        return "the proxy itself: its requests would come back to it", ""
    if listener == entry.passthrough:
        return "the passthrough: its requests would come back to it", ""
    message = f"{listener}, another proxy, which answers for the names of its own services alone"
    return message, f"write the service into the Proxy of {listener}, with the upstream that it has there"


def _is_near(site: Site, entry: Entry, place: Place) -> bool:
    """In the LAN, or on the proxy's own machine, which is as near."""
    if place.address.is_loopback:
        return True
    network = site.config.addresses.network
    inside: list[IPv4Network | IPv6Network | None] = [network.subnet, network.subnet6, *entry.foreign]
    return any(one is not None and place.address in one for one in inside)

"""Checks of the machines that an Entry names: there, able to be it, and each its own."""

from __future__ import annotations

from homeprod.site.controlchecks import Report
from homeprod.site.declared import Declared, is_broken
from homeprod.site.entry.checks.meant import guess, guess_machine, is_known
from homeprod.site.entry.doors import LAN_PORTS
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.place import RELEASES, explain_homeless, list_numbers
from homeprod.site.entry.table import find_proxy, list_routes
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site


def check_machines(site: Site, entry: Entry, report: Report) -> None:
    _check_machine(site, entry, "passthrough", entry.passthrough, report)
    seen = {entry.passthrough: "the passthrough"}
    for proxy in entry.proxies:
        if is_broken(proxy):
            continue
        if proxy.machine in seen:
            message = f"{proxy.machine} is {seen[proxy.machine]} already: nginx.conf has one keeper"
            report(proxy, "machine", message, "give each a machine of its own")
        elif _check_machine(site, proxy, "machine", proxy.machine, report):
            _check_listener(site, proxy, report)
        seen.setdefault(proxy.machine, "a proxy")
    _check_destinations(site, entry, report)


def _check_machine(site: Site, place: Declared, keyword: str, name: str, report: Report) -> bool:
    """Whether it is one of the site's, so that more can be said of it."""
    if name not in site.machines:
        if not is_known(site, name):
            report(place, keyword, f"the site has no machine {name}", guess_machine(site, name))
        return False
    machine = site.machines[name].machine
    if is_broken(machine):
        return False
    if problem := explain_homeless(site, name):
        report(place, keyword, f"{name} {problem}", "")
        return False
    if not isinstance(machine, VirtualMachine):
        message = f"{name} is an adopted machine, whose release is not known, and nginx is configured by its version"
        report(place, keyword, message, f"make a new one, of: {', '.join(RELEASES)}")
        return True
    if not is_broken(machine.image) and machine.image.release not in RELEASES:
        message = f"{name}: no nginx of the way in was tested on {machine.image.release}"
        report(machine, "image", message, f"tested: {', '.join(RELEASES)}")
    if "ansible" not in machine.kept_by:
        message = (
            f"{name} is part of the way in, whose files are Ansible's, and {' and '.join(machine.kept_by)} alone"
        )
        report(machine, "kept_by", f"{message} keeps it", 'write kept_by={"ansible"}')
    return True


def _check_listener(site: Site, proxy: Proxy, report: Report) -> None:
    """Who speaks the PROXY protocol to a listener can speak nothing else to it, so it needs a door of its own."""
    numbers = list_numbers(site, proxy.machine)
    if proxy.proxied_number is not None and proxy.proxied_number not in numbers:
        own = ", ".join(map(str, numbers))
        message = f"number {proxy.proxied_number} is none of {proxy.machine}, which has {own}"
        report(proxy, "proxied_number", message, "write it into the machine's addresses=")
        return
    if proxy.proxied_port == proxy.proxied_http_port:
        message = f"port {proxy.proxied_port} is both for TLS and for port 80"
        report(proxy, "proxied_http_port", message, "give each a port of its own")
    for keyword, port in (("proxied_port", proxy.proxied_port), ("proxied_http_port", proxy.proxied_http_port)):
        if port in LAN_PORTS and proxy.proxied_number in (None, numbers[0]):
            message = f"port {port} of {proxy.machine} is the LAN's, and the passthrough needs a door of its own"
            report(proxy, keyword, message, "leave it at its default, or give the machine a second address")


def _check_destinations(site: Site, entry: Entry, report: Report) -> None:
    if any(is_broken(proxy) or not is_known(site, proxy.machine) for proxy in entry.proxies):
        return  # it may be the one that is meant
    routes = [(route, "to", route.to) for route in list_routes(entry)]
    for place, keyword, name in [*routes, (entry, "default", entry.default)]:
        if find_proxy(entry, name) is not None:
            continue
        known = [proxy.machine for proxy in entry.proxies]
        why = f"{name} is no Proxy of the entry" if name in site.machines else f"the site has no machine {name}"
        report(place, keyword, why, guess(name, known, "its proxies are"))

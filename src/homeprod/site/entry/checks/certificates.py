"""Checks of certificates: one for every name that is served, and each its proxy's own."""

from __future__ import annotations

from homeprod.site.controlchecks import Report
from homeprod.site.declared import is_broken
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.checks.meant import is_known
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.table import (
    find_certificate,
    find_proxy,
    find_public,
    find_route,
    is_led_to,
    list_claims,
    list_disputed,
    list_near,
)
from homeprod.site.site import Site


def check_certificates(site: Site, entry: Entry, report: Report) -> None:
    users: dict[int, str] = {}
    for proxy in entry.proxies:
        if is_broken(proxy):
            continue
        labels: set[str] = set()
        for certificate in proxy.certificates:
            if is_broken(certificate):
                continue
            _check_owner(proxy, certificate, users, report)
            if certificate.label in labels:
                message = f"two certificates of {proxy.machine} begin with {certificate.names[0]}"
                report(certificate, "names", f"{message}, by which their files are called", "")
            labels.add(certificate.label)
            if is_known(site, proxy.machine):
                _check_http(entry, proxy, certificate, report)
        _check_first(entry, proxy, report)
    _check_cover(entry, report)


def _check_owner(proxy: Proxy, certificate: Certificate, users: dict[int, str], report: Report) -> None:
    """RFC 9113, section 9.1.1: a client that is shown one certificate for two names may ask for both on one
    connection, and then what is prod's arrives at the lab's proxy."""
    if users.setdefault(id(certificate), proxy.machine) != proxy.machine:
        message = f"one certificate is {users[id(certificate)]}'s and {proxy.machine}'s: each has a key of its own"
        report(certificate, "", message, "declare one for each proxy")


def _check_http(entry: Entry, proxy: Proxy, certificate: Certificate, report: Report) -> None:
    """The proof is asked for on port 80, from outside, where public services alone are served (RFC 8555, section
    8.3)."""
    for name in certificate.names if certificate.by == "http-01" else ():
        route = find_route(entry, name)
        goal = entry.default if route is None else route.to
        if find_proxy(entry, goal) is None or name in list_disputed(entry):
            continue  # that was reported
        if goal != proxy.machine:
            message = f"{name} goes to {goal}, so {proxy.machine} cannot prove it by http-01"
            report(certificate, "by", message, 'prove it by "dns-01", or route the name there')
        elif not any(is_broken(service) for service in proxy.services) and find_public(proxy, name) is None:
            is_near = name in list_near(proxy, certificate)
            why = "is for the LAN alone" if is_near else f"is no public service's of {proxy.machine}"
            hint = 'write by="dns-01" or by="site-ca"' if is_near else 'write by="dns-01", or take the name out'
            report(certificate, "by", f"{name} {why}, so http-01 cannot prove it", hint)


def _check_first(entry: Entry, proxy: Proxy, report: Report) -> None:
    """Where there is a better one to be shown to strangers. Where there is none, that is worth a note."""
    sound = [certificate for certificate in proxy.certificates if not is_broken(certificate)]
    if not sound or sound[0] is not proxy.certificates[0] or not is_led_to(entry, proxy):
        return
    near, better = list_near(proxy, sound[0]), [one for one in sound if not list_near(proxy, one)]
    if near and better:
        message = f"{near[0]} is for the LAN alone, and the first certificate is shown outside, for unknown names"
        report(sound[0], "names", message, f"put another one first: that of {better[0].names[0]}")


def _check_cover(entry: Entry, report: Report) -> None:
    disputed = list_disputed(entry)
    for claim in (one for one in list_claims(entry) if one.name not in disputed):
        if any(is_broken(one) for one in claim.proxy.certificates) or find_certificate(claim.proxy, claim.name):
            continue
        own = ", ".join(name for one in claim.proxy.certificates for name in one.names)
        star = "; a star there stands for one label" if "*" in own else ""
        message = f"no certificate of {claim.proxy.machine} is good for {claim.name}: they are for {own}{star}"
        report(claim.service, "names", message, f"write {claim.name} into the names of one")

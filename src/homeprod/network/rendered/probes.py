"""Probes: what is asked of an nginx before and after its configuration is delivered, as its clients would ask."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import yaml

from homeprod.core.hostname import NamePattern
from homeprod.network.nginx.proxy import CERTIFICATES, HTTP, HTTPS
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.place import locate_machine
from homeprod.site.entry.table import find_certificate, list_claims
from homeprod.site.site import Site

_LABEL = "homeprod-probe"
"""Stands for the star of a wildcard: no machine is called so."""


@dataclass(frozen=True, slots=True)
class Probe:
    """As the collection's module ``nginx_configuration`` takes it. ``certificate`` is a file on the machine that
    asks, whose first certificate has to be shown; empty for any."""

    name: str
    address: str
    port: int = HTTPS
    secure: bool = True
    certificate: str = ""


def probe_proxy(site: Site, entry: Entry, proxy: Proxy) -> tuple[Probe, ...]:
    """Each name of its services as the LAN asks for it, on port 80 as well, and those that are public once more by
    the passthrough, which is the way from outside. Of a site that was checked."""
    own, way = _find_address(site, proxy.machine), _find_address(site, entry.passthrough)
    probes: list[Probe] = []
    for service in proxy.services:
        for pattern in service.names:
            name, file = _make_name(pattern), _find_file(proxy, pattern)
            probes += [Probe(name, own, certificate=file), Probe(name, own, HTTP, secure=False)]
            if service.access == "public":
                probes.append(Probe(name, way, certificate=file))
    return tuple(probes)


def probe_passthrough(site: Site, entry: Entry) -> tuple[Probe, ...]:
    """Each public name, by the passthrough itself. Of a site that was checked."""
    own = _find_address(site, entry.passthrough)
    return tuple(
        Probe(_make_name(claim.name), own) for claim in list_claims(entry) if claim.service.access == "public"
    )


def render_probes(probes: tuple[Probe, ...]) -> str:
    """As YAML; what is as usual is left out."""
    return yaml.safe_dump([_list_fields(probe) for probe in probes], sort_keys=False, width=1000)


def _list_fields(probe: Probe) -> dict[str, object]:
    usual = {field.name: field.default for field in fields(Probe)}
    always = ("name", "address", "port")
    return {name: value for name, value in asdict(probe).items() if name in always or value != usual[name]}


def _make_name(pattern: NamePattern) -> str:
    return f"{_LABEL}.{pattern.zone}" if pattern.is_wildcard else str(pattern)


def _find_file(proxy: Proxy, pattern: NamePattern) -> str:
    certificate = find_certificate(proxy, pattern)
    return f"{CERTIFICATES}/{certificate.label}/chain.pem" if certificate is not None else ""


def _find_address(site: Site, machine: str) -> str:
    place = locate_machine(site, machine)
    if place is None:
        raise ValueError("a machine without an address: the site was not checked")
    return str(place.address)

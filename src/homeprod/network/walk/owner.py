"""Whose certificate it is that a client was shown."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography import x509

from homeprod.network.certificates.chain import Chain
from homeprod.site.entry.entry import Entry

Witnesses = Mapping[str, frozenset[bytes]]
"""By proxy the certificates, as DER, that it shows at its own door."""


def read_certificate(der: bytes) -> Chain | None:
    """None where it is none."""
    try:
        return Chain((x509.load_der_x509_certificate(der),))
    except ValueError:
        return None


def find_owner(entry: Entry, der: bytes, witnesses: Witnesses) -> str:
    """The proxy that shows this very certificate at its own door; else the only one that declares one with just these
    names. Empty where that cannot be told."""
    shown = [machine for machine, seen in witnesses.items() if der in seen]
    if len(shown) == 1:
        return shown[0]
    chain = read_certificate(der)
    names = chain.names if chain is not None else frozenset()
    declared = [proxy.machine for proxy in entry.proxies if any(names == {*one.names} for one in proxy.certificates)]
    return declared[0] if len(declared) == 1 else ""


def is_foreign_to(entry: Entry, der: bytes) -> bool:
    """Whether the certificate has no name to do with the site's: none of a certificate, service or route, and none
    that a star of either stands for. Then it is somebody else's, whatever it says of its age."""
    chain = read_certificate(der)
    return chain is not None and not any(_is_near(name, own) for name in chain.names for own in _list_names(entry))


def _list_names(entry: Entry) -> set[str]:
    """A certificate that was declared otherwise until yesterday is still ours, by the services that it was for."""
    declared = {name for proxy in entry.proxies for one in proxy.certificates for name in one.names}
    served = {name for proxy in entry.proxies for one in proxy.services for name in one.names}
    return {*declared, *served, *(route.name for route in entry.routes)}


def _is_near(name: str, own: str) -> bool:
    return name == own or _is_within(name, own) or _is_within(own, name)


def _is_within(name: str, pattern: str) -> bool:
    """The zone itself too: its certificate is often one for both."""
    zone = pattern.removeprefix("*.")
    return zone != pattern and (name == zone or name.endswith(f".{zone}"))

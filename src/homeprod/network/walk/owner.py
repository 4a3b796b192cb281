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

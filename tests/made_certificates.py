"""Certificates and requests that the tests here make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from homeprod.network.certificates.authority import Authority, make_authority, sign_request
from homeprod.network.certificates.chain import Chain

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def make_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def make_request(key: ec.EllipticCurvePrivateKey, *names: str) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def make_home(*zones: str) -> Authority:
    return make_authority("homeprod pegasus lab", zones or ("home.arpa",), NOW)


def make_chain(key: ec.EllipticCurvePrivateKey, *names: str, at: datetime = NOW) -> Chain:
    """Of an authority for home.arpa."""
    home = make_home()
    return Chain.parse(sign_request(home, make_request(key, *names), at).encode())

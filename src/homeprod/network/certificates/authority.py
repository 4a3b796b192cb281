"""The site's own authority: for names that are not public, and for them alone.

A root that clients are given, and below it the one that signs. Both are constrained to the zones (RFC 5280, section
4.2.1.10): some clients look at what a root itself says, and all must look at what stands below one. The root's key
signs once, and is kept nowhere: whoever got the other could not certify a name outside the zones with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from homeprod.core.errors import CertificateError
from homeprod.core.keyusage import allow_key
from homeprod.network.certificates.chain import list_names
from homeprod.network.certificates.request import parse_request

LIFE = timedelta(days=90)
"""Of what it signs. Clients refuse more than 825 days of an authority that a person gave them; renewal is free."""
OWN_LIFE = timedelta(days=3652)
_SLACK = timedelta(hours=1)
"""By which clocks may differ."""
_BLOCK = re.compile(r"-----BEGIN [A-Z ]+-----\n[^-]+-----END [A-Z ]+-----\n")


@dataclass(frozen=True, slots=True)
class Authority:
    """PEM: ``root`` is for clients, ``issuer`` is shown behind what it signed, ``key`` is the issuer's and secret."""

    root: str
    issuer: str
    key: bytes

    def __repr__(self) -> str:
        return "<authority>"

    def render(self) -> bytes:
        """As it is kept, sealed: the key, the issuer, the root."""
        return self.key + self.issuer.encode() + self.root.encode()

    @classmethod
    def parse(cls, kept: bytes) -> Authority:
        """As :meth:`render` wrote it. Raises ValueError where it is none; nothing of it is in the message."""
        parts = _BLOCK.findall(kept.decode())
        if len(parts) != 3:
            raise ValueError("not an authority as it is kept")
        key, issuer, root = parts
        return cls(root, issuer, key.encode())


def make_authority(name: str, zones: Iterable[str], now: datetime) -> Authority:
    """Of new keys. ``name`` is what a person sees in a client's list. Raises CertificateError without a zone: one
    without constraints could certify everything."""
    constraints = _constrain(sorted(set(zones)))
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, own_name = _name(f"{name} root"), _name(f"{name} issuer")
    root = _begin(root_name, root_name, root_key.public_key(), now, now + OWN_LIFE)
    root = _make_issuing(root, constraints, depth=1)
    own = _begin(own_name, root_name, key.public_key(), now, now + OWN_LIFE)
    own = _make_issuing(own, constraints, depth=0).add_extension(_SERVERS, critical=False)
    own = own.add_extension(_refer(root_key.public_key()), critical=False)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Authority(_sign(root, root_key), _sign(own, root_key), pem)


def sign_request(authority: Authority, request: bytes, now: datetime) -> str:
    """The chain for it, as PEM. Raises CertificateError where the request is no sound one, or the constraints do not
    allow a name; ValueError where the key is no key."""
    asked = parse_request(request)
    signing = load_pem_private_key(authority.key, password=None)
    own = x509.load_pem_x509_certificate(authority.issuer.encode())
    names = sorted(list_names(asked.extensions))
    _check_allowed(names, list_zones(own))
    if not isinstance(signing, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is of another kind")
    made = _begin(x509.Name([]), own.subject, asked.public_key(), now, min(now + LIFE, own.not_valid_after_utc))
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    made = made.add_extension(alternative, critical=True)  # critical, since the subject is empty (section 4.2.1.6)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(allow_key(signs_certificates=False), critical=True)
    made = made.add_extension(_SERVERS, critical=False)
    made = made.add_extension(_refer(signing.public_key()), critical=False)
    return _sign(made, signing) + authority.issuer


def list_zones(certificate: x509.Certificate) -> list[str]:
    """Of its constraints."""
    found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    return [one.value for one in found if isinstance(one, x509.DNSName)]


_SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def _constrain(zones: list[str]) -> x509.NameConstraints:
    if not zones:
        raise CertificateError("an authority needs a zone", hint="without one it could certify every name there is")
    permitted = [x509.DNSName(zone) for zone in zones]
    everywhere = [x509.IPAddress(ip_network(text)) for text in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints(permitted, everywhere)


def _check_allowed(names: list[str], zones: list[str]) -> None:
    for name in names:
        plain = name.removeprefix("*.")
        if not any(plain == zone or plain.endswith(f".{zone}") for zone in zones):
            command = "homeprod control authority make ENVIRONMENT ZONE…"
            hint = f"make it anew, for that zone too, and give its root to the clients\n\n  {command}"
            message = f"the site's own authority is for {', '.join(zones)}, and {name} lies outside"
            raise CertificateError(message, hint=hint)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _begin(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, first: datetime, last: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key).serial_number(x509.random_serial_number())
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    return builder.not_valid_before(first - _SLACK).not_valid_after(last)


def _make_issuing(
    builder: x509.CertificateBuilder, constraints: x509.NameConstraints, *, depth: int
) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
    return builder.add_extension(allow_key(signs_certificates=True), critical=True).add_extension(
        constraints, critical=True
    )


def _refer(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> str:
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

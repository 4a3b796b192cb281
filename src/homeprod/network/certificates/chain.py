"""Chain: a certificate as a server shows it, its issuers behind it; and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from homeprod.core.errors import CertificateError
from homeprod.network.certificates.life import Life


@dataclass(frozen=True, slots=True)
class Chain:
    """``certificates`` begins with the server's own."""

    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def parse(cls, pem: bytes, where: str = "") -> Chain:
        """Raises CertificateError where it is none."""
        try:
            return cls(tuple(x509.load_pem_x509_certificates(pem)))
        except ValueError:
            hint = "a PEM file is expected: the certificate first, its issuers behind it"
            raise CertificateError("this is no certificate", where=where, hint=hint) from None

    @property
    def leaf(self) -> x509.Certificate:
        return self.certificates[0]

    @property
    def life(self) -> Life:
        return Life(self.leaf.not_valid_before_utc, self.leaf.not_valid_after_utc)

    @property
    def serial(self) -> str:
        """In hexadecimal, two signs a byte, as openssl prints it."""
        return format_serial(self.leaf)

    @property
    def names(self) -> frozenset[str]:
        """Those of DNS: what else may stand there is no name of a site."""
        return list_names(self.leaf.extensions)

    @property
    def is_placeholder(self) -> bool:
        """Signed by itself: it is there so that nginx starts, and no client believes it."""
        return self.leaf.issuer == self.leaf.subject and len(self.certificates) == 1

    def render(self) -> bytes:
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.certificates)


def list_names(extensions: x509.Extensions) -> frozenset[str]:
    """The DNS names of a certificate, or of a request for one."""
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(name.lower() for name in found.value.get_values_for_type(x509.DNSName))


def format_serial(certificate: x509.Certificate) -> str:
    digits = f"{certificate.serial_number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)


def encode_key(key: CertificatePublicKeyTypes) -> bytes:
    """What two public keys are compared by."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_chain(
    chain: Chain, *, names: Iterable[str], key: CertificatePublicKeyTypes, now: datetime, where: str = ""
) -> None:
    """Raises CertificateError for the first thing that is wrong: another key, not of its time, a name that it lacks,
    an issuer that is missing or did not sign it. Whom its root is trusted by is the client's to say."""
    if encode_key(chain.leaf.public_key()) != encode_key(key):
        hint = "key and certificate were made apart; have it signed anew with the request of this key"
        raise CertificateError("the certificate does not fit its key", where=where, hint=hint)
    _check_time(chain.life, now, where)
    if lacking := sorted(set(names) - chain.names):
        has = f"it is for {', '.join(sorted(chain.names)) or 'no name'}"
        raise CertificateError(f"the certificate is not for {', '.join(lacking)}", where=where, hint=has)
    _check_issuers(chain, where)


def _check_time(life: Life, now: datetime, where: str) -> None:
    if now > life.last:
        message = f"the certificate has expired on {life.last:%Y-%m-%d %H:%M} UTC"
        raise CertificateError(message, where=where, hint="see why it was not renewed: homeprod control runs")
    if now < life.first:
        message = f"the certificate is valid only from {life.first:%Y-%m-%d %H:%M} UTC on"
        raise CertificateError(message, where=where, hint="look at the clock of the machine:\n\n  timedatectl")


def _check_issuers(chain: Chain, where: str) -> None:
    issuers = chain.certificates[1:]
    if not issuers and not chain.is_placeholder:
        hint = "clients find no way to a root that they trust; place it with its issuers"
        raise CertificateError("the certificate comes without its issuer", where=where, hint=hint)
    for one, issuer in zip(chain.certificates, issuers, strict=False):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            words = issuer.subject.rfc4514_string() or "without a name"
            message = f"the chain is broken: {words} did not issue what stands before it"
            hint = "the certificate comes first, then its issuer, then that one's"
            raise CertificateError(message, where=where, hint=hint) from None

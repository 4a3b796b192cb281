"""Request: what a proxy asks to have signed (PKCS #10, RFC 2986). Its key stays where it is."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from homeprod.core.errors import CertificateError
from homeprod.network.certificates.chain import list_names

_SHORTEST_RSA = 2048
"""CA/Browser Forum, baseline requirements, section 6.1.5."""
_HINT = "have the proxy make it again: remove the request there, and configure it"


def parse_request(pem: bytes, names: Iterable[str] | None = None, where: str = "") -> x509.CertificateSigningRequest:
    """Raises CertificateError where it is none, not signed by its own key, for other ``names`` than those, or of a
    key that no authority takes."""
    try:
        request = x509.load_pem_x509_csr(pem)
        is_signed = request.is_signature_valid
        extensions = request.extensions
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("this is no request for a certificate", where=where, hint=_HINT) from None
    if not is_signed:
        raise CertificateError("the request is not signed by its own key", where=where, hint=_HINT)
    _check_key(request.public_key(), where)
    _check_names(extensions, names, where)
    return request


def _check_key(key: CertificatePublicKeyTypes, where: str) -> None:
    is_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
    if not is_curve and not (isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SHORTEST_RSA):
        hint = "P-256, P-384 or RSA of 2048 bits and more are expected"
        raise CertificateError("no authority signs for a key of this kind", where=where, hint=hint)


def _check_names(extensions: x509.Extensions, names: Iterable[str] | None, where: str) -> None:
    found = list_names(extensions)
    if not found:
        raise CertificateError("the request has no name", where=where, hint=_HINT)
    if names is not None and found != (wanted := frozenset(names)):
        asked, expected = ", ".join(sorted(found)), ", ".join(sorted(wanted))
        raise CertificateError(f"the request is for {asked}, and {expected} was expected", where=where, hint=_HINT)

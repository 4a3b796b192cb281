"""What a certificate's key may do (RFC 5280 §4.2.1.3)."""

from __future__ import annotations

from cryptography import x509


def allow_key(*, signs_certificates: bool) -> x509.KeyUsage:
    """To sign certificates and lists of revoked ones, or to prove in TLS whose it is; nothing else."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

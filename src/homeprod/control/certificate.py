"""The doorbell's TLS key and certificate: the machine's own, as its SSH host key is; `apply` pins it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from homeprod.drivers.wholefile import write_whole

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""Valid whatever the clock says of the machine that makes it, or of who rings: its dates say nothing, since this very
certificate is known. The last is what RFC 5280 §4.1.2.5 has for no end."""


def make_certificate(folder: Path, name: str, *, group: str = "") -> None:
    """Write ``certificate.pem`` and ``key.pem`` (0640, of ``group``), where they are not there yet."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if certificate.exists() and key.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(key, pem.decode(), 0o640)
    if group:
        shutil.chown(key, "root", group)
    write_whole(certificate, _sign(private, name).public_bytes(serialization.Encoding.PEM).decode(), 0o644)


def _sign(private: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(FIRST)
        .not_valid_after(LAST)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )

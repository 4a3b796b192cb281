"""Whom we believe: certificates are always verified, by the system's CAs, a CA file, or a pinned fingerprint."""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import ProxmoxError, UsageError

_WHERE_TO_COMPARE = (
    "compare it with what the node itself shows (`pvenode cert info`, or Node → System → Certificates); only if they"
)


@dataclass(frozen=True, slots=True)
class Trust:
    """``ca_file`` replaces the system's CAs; ``fingerprint`` (sha256, ``AA:BB:…``) pins the one certificate and
    replaces both. There is no way to verify nothing."""

    ca_file: Path | None = None
    fingerprint: str = ""

    def make_context(self) -> ssl.SSLContext:
        """Raises UsageError for a CA file that cannot be used."""
        if self.fingerprint:
            return _make_pinned_context()
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"cannot use the CA file: {getattr(error, 'strerror', None) or error}",
                where=str(self.ca_file),
                hint="give the cluster's /etc/pve/pve-root-ca.pem, copied from a node",
            ) from None
        # Python 3.13 adds this flag; the CA that Proxmox makes for itself lacks an extension that it asks for.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", ssl.VerifyFlags(0))
        return context


def _make_pinned_context() -> ssl.SSLContext:
    """Neither chain nor name are asked, since the fingerprint of the whole certificate is: urllib3 compares it before
    the first byte of a request is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def parse_fingerprint(text: str) -> str:
    """A sha256 fingerprint with or without colons, as ``AA:BB:…``; raises UsageError."""
    digits = text.strip().replace(":", "").replace(" ", "").upper()
    if not re.fullmatch(r"[0-9A-F]{64}", digits):
        is_sha1 = re.fullmatch(r"[0-9A-F]{40}", digits) is not None
        raise UsageError(
            "not a sha256 fingerprint" + (" (this is a sha1)" if is_sha1 else ""),
            where=text.strip(),
            hint="take it from `pvenode cert info` on the node: 64 hexadecimal digits",
        )
    return ":".join(digits[place : place + 2] for place in range(0, 64, 2))


def explain_tls_error(error: Exception, trust: Trust, host: str, port: int) -> ProxmoxError:
    """A certificate that does not fit, with what it is and what to do."""
    found = read_fingerprint(host, port)
    where = f"https://{host}:{port}"
    if trust.fingerprint and found and found != trust.fingerprint:
        return ProxmoxError(
            f"the certificate is not the pinned one\n  pinned: {trust.fingerprint}\n  found:  {found}",
            where=where,
            hint=f"if it was renewed, {_WHERE_TO_COMPARE} are the same, pin the new one",
        )
    reason = re.sub(r"^\[[^\]]*\]\s*|\s*\(_ssl\.c:\d+\)", "", _innermost(error))
    against = "the CA file" if trust.ca_file else "the system's certificate authorities"
    shown = f"\n  its sha256 fingerprint: {found}" if found else ""
    return ProxmoxError(
        f"cannot verify the certificate against {against}: {reason}{shown}",
        where=where,
        hint="give the cluster's own CA (HOMEPROD_CA_FILE: a copy of /etc/pve/pve-root-ca.pem), or pin its "
        "fingerprint: "
        f"{_WHERE_TO_COMPARE} are the same",
    )


def _innermost(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error)


def read_fingerprint(host: str, port: int, timeout: float = 5) -> str:
    """What certificate is shown there, for a message alone: nothing is ever sent over this connection."""
    try:
        certificate = ssl.get_server_certificate((host, port), timeout=timeout)
    except (OSError, ValueError):
        return ""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
    return parse_fingerprint(digest)

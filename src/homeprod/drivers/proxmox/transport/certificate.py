"""The endpoint's certificate, looked at by itself: who signed it, until when, and its fingerprint."""

from __future__ import annotations

import hashlib
import socket
import ssl
from typing import Any

from homeprod.core.errors import TransientError
from homeprod.drivers.proxmox.transport.endpoint import Endpoint
from homeprod.drivers.proxmox.transport.trust import Trust, explain_tls_error, parse_fingerprint
from homeprod.engine.doctor.patient import Certificate

_SECONDS = 10.0


def read_certificate(endpoint: Endpoint, trust: Trust) -> Certificate:
    """One TLS handshake and nothing sent. Raises ProxmoxError where the certificate is not believed."""
    try:
        with (
            socket.create_connection((endpoint.host, endpoint.port), timeout=_SECONDS) as raw,
            trust.make_context().wrap_socket(raw, server_hostname=endpoint.host) as connection,
        ):
            der, fields = connection.getpeercert(binary_form=True) or b"", connection.getpeercert() or {}
    except ssl.SSLError as error:
        raise explain_tls_error(error, trust, endpoint.host, endpoint.port) from None
    except OSError as error:
        raise TransientError(
            f"cannot look at the certificate: {error.strerror or error}",
            where=str(endpoint),
            hint="check the endpoint, the network, and that the node is up",
        ) from None
    fingerprint = parse_fingerprint(hashlib.sha256(der).hexdigest())
    if trust.fingerprint and fingerprint != trust.fingerprint:
        raise explain_tls_error(ssl.SSLError("another one"), trust, endpoint.host, endpoint.port)
    until = fields.get("notAfter")
    return Certificate(
        known_by=describe_trust(trust),
        fingerprint=fingerprint,
        issuer=_find_issuer(fields),
        expires=ssl.cert_time_to_seconds(str(until)) if until else None,
    )


def describe_trust(trust: Trust) -> str:
    """Why a certificate is believed, in words."""
    if trust.fingerprint:
        return "its pinned fingerprint"
    return f"the CA file {trust.ca_file}" if trust.ca_file else "the system's certificate authorities"


def _find_issuer(fields: Any) -> str:
    """The signer's common name, else its organisation (a certificate's names are tuples of tuples of pairs)."""
    names = dict(pair for part in fields.get("issuer", ()) for pair in part)
    return str(names.get("commonName") or names.get("organizationName") or "")

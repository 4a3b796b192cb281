"""What is shown of the endpoint's certificate, and why it is believed."""

from __future__ import annotations

import hashlib
import time

import pytest
from tests.scripted_server import ScriptedServer

from homeprod.core.errors import ProxmoxError, TransientError
from homeprod.drivers.proxmox import Endpoint, Trust, parse_fingerprint
from homeprod.drivers.proxmox.transport.certificate import read_certificate


def fingerprint_of(server: ScriptedServer) -> str:
    return parse_fingerprint(hashlib.sha256(server.certificate).hexdigest())


def test_a_certificate_known_by_its_authority(server: ScriptedServer) -> None:
    certificate = read_certificate(Endpoint.parse(server.url), Trust(server.ca_file))
    assert certificate.known_by == f"the CA file {server.ca_file}"
    assert certificate.fingerprint == fingerprint_of(server)
    assert certificate.issuer
    assert certificate.expires is not None
    assert certificate.expires > time.time()
    assert server.seen == []  # a handshake and no request


def test_a_certificate_known_by_its_fingerprint(server: ScriptedServer) -> None:
    certificate = read_certificate(Endpoint.parse(server.url), Trust(fingerprint=fingerprint_of(server)))
    assert certificate.known_by == "its pinned fingerprint"
    assert certificate.fingerprint == fingerprint_of(server)
    assert certificate.expires is None  # with a pin alone its fields are not read


@pytest.mark.parametrize(
    ("trust", "words"),
    [(Trust(fingerprint=":".join(["AA"] * 32)), "not the pinned one"), (Trust(), "the system's certificate")],
)
def test_a_certificate_that_is_not_believed(trust: Trust, words: str, server: ScriptedServer) -> None:
    with pytest.raises(ProxmoxError, match=words) as caught:
        read_certificate(Endpoint.parse(server.url), trust)
    assert fingerprint_of(server) in caught.value.message
    assert "pvenode cert info" in caught.value.hint


def test_nobody_there() -> None:
    with pytest.raises(TransientError, match="cannot look at the certificate"):
        read_certificate(Endpoint("127.0.0.1", 9), Trust())

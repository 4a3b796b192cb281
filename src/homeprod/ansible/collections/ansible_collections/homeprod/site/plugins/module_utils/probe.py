"""Ask a server of nginx by name, as a client does, and say how well it answers."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

LIMIT = 5.0
"""Seconds for each step of a probe."""
NOTHING, WRONG, UNWELL, WELL = range(4)
"""How good an answer is: none at all; from a server that does not know the name, or with another certificate than the
one on the disk; from nginx in place of a service that cannot be reached (502, 503, 504); any other."""


@dataclass(frozen=True)
class Probe:
    """``name`` is asked for at ``address`` and ``port``: over TLS if ``secure``, and then the certificate shown has
    to be the first one in the file ``certificate``, where one is named."""

    name: str
    address: str
    port: int
    secure: bool = True
    certificate: str = ""

    def __str__(self) -> str:
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.name}/ at {self.address} port {self.port}"


@dataclass(frozen=True)
class Answer:
    """``words`` say what came, for a person."""

    worth: int
    words: str


def ask(probe: Probe) -> Answer:
    """One GET of ``/``. Nothing is raised: that there is no answer is one, too."""
    try:
        with socket.create_connection((probe.address, probe.port), LIMIT) as line:
            return _ask_securely(probe, line) if probe.secure else _read_status(probe, line)
    except (OSError, http.client.HTTPException) as error:
        return Answer(NOTHING, f"no answer ({str(error) or type(error).__name__})")


def _ask_securely(probe: Probe, line: socket.socket) -> Answer:
    # Whether a client believes the certificate is not the question here: that it is the one on the disk is.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(line, server_hostname=probe.name) as secure:
        shown = secure.getpeercert(binary_form=True)
        if probe.certificate and shown != _read_first(probe.certificate):
            return Answer(WRONG, f"another certificate than {probe.certificate}")
        return _read_status(probe, secure)


def _read_first(file: str) -> bytes:
    """The first certificate of a chain, as it is sent (DER)."""
    text = Path(file).read_text(encoding="ascii")
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE-----") : text.index(end) + len(end)])


def _read_status(probe: Probe, line: socket.socket) -> Answer:
    line.sendall(
        f"GET / HTTP/1.1\r\nHost: {probe.name}\r\nConnection: close\r\nUser-Agent: homeprod\r\n\r\n".encode()
    )
    answer = http.client.HTTPResponse(line)
    answer.begin()
    worth = {400: WRONG, 421: WRONG, 502: UNWELL, 503: UNWELL, 504: UNWELL}.get(answer.status, WELL)
    return Answer(worth, f"status {answer.status}")

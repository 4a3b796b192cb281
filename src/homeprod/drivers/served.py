"""Served: the certificate that a server shows for a name, whoever signed it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable


def read_served(connect: Callable[[str, int], socket.socket], address: str, name: str, port: int = 443) -> bytes:
    """As DER. Raises OSError where nobody answers, or not by TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # what is shown is looked at, not believed
    with connect(address, port) as bare, context.wrap_socket(bare, server_hostname=name) as line:
        return line.getpeercert(binary_form=True) or b""

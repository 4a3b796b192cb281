"""Served: the certificate that a server shows for a name, whoever signed it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable


def read_served(connect: Callable[[str, int], socket.socket], address: str, name: str, port: int = 443) -> bytes:
    """As DER. Raises OSError where nobody answers, or not by TLS; ValueError for a name that no client can send."""
    sent = encode_name(name)
    with connect(address, port) as bare, make_context().wrap_socket(bare, server_hostname=sent) as line:
        return line.getpeercert(binary_form=True) or b""


def make_context() -> ssl.SSLContext:
    """A client that looks at what is shown, and believes nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def encode_name(name: str) -> str:
    """For ``server_hostname``. Bytes are sent as they are; of a text, Python would refuse what a server may well be
    asked for (``a..b``), and lose the socket."""
    return name.encode("ascii")  # type: ignore[return-value]  # typeshed knows of texts alone

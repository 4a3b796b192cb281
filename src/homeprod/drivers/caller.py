"""Caller: one request as a client of the way in sends it, and what came back, told step by step."""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import ssl
from collections.abc import Callable

from homeprod.drivers.served import encode_name, make_context
from homeprod.network.walk.seen import Seen
from homeprod.site.entry.target import Target

LIMIT = 5.0
"""Seconds for each step: to connect, and of silence after that."""
Connect = Callable[[str, int], socket.socket]
_OURS = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPERM, errno.EACCES)
"""No way leads there from this machine, or it lets nobody out: nothing was sent."""


def call(connect: Connect, address: str, target: Target) -> Seen:
    """One GET at that address and the target's port, on a connection of its own that ``connect`` makes. Whether a
    client believes the certificate is not looked at. Nothing is raised for what went wrong: it was seen."""
    try:
        bare = connect(address, target.port)
    except OSError as error:
        return Seen(trouble=tell_trouble(error), is_ours=error.errno in _OURS)
    with bare:
        bare.settimeout(LIMIT)
        if target.scheme == "http":
            return _exchange(bare, _write_request(target))
        return _call_securely(bare, target) if target.port == 443 else _greet(bare, target)


def tell_trouble(error: Exception) -> str:
    """For a person."""
    if isinstance(error, TimeoutError):
        return f"silence for {LIMIT:.0f} s"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, http.client.HTTPException):
        return f"no HTTP ({type(error).__name__})"
    number = error.errno if isinstance(error, OSError) else None
    words = {
        errno.ECONNREFUSED: "connection refused",
        errno.ECONNRESET: "the connection was cut",
        errno.EHOSTUNREACH: "no machine there (no route to host)",
    }
    return words.get(number or 0) or getattr(error, "strerror", None) or str(error) or type(error).__name__


def _call_securely(bare: socket.socket, target: Target) -> Seen:
    try:
        name = encode_name(target.host)
        line = _make_context().wrap_socket(bare, server_hostname=name, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:  # nothing was sent yet
        return Seen(True, trouble=f"no client sends this name in TLS ({tell_trouble(error)})", is_ours=True)
    with line:
        try:
            line.do_handshake()
        except OSError as error:
            return Seen(is_reached=True, trouble=tell_trouble(error))
        seen = _exchange(line, _write_request(target))
        certificate = line.getpeercert(binary_form=True) or b""
    return Seen(True, certificate, seen.status, seen.location, seen.trouble)


def _greet(bare: socket.socket, target: Target) -> Seen:
    """A hello of TLS where plain HTTP is spoken, and the answer in plain HTTP."""
    sent = ssl.MemoryBIO()
    try:
        line = _make_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=encode_name(target.host))
    except (OSError, ValueError) as error:
        return Seen(True, trouble=f"no client sends this name in TLS ({tell_trouble(error)})", is_ours=True)
    with contextlib.suppress(ssl.SSLWantReadError):
        line.do_handshake()
    return _exchange(bare, sent.read())


def _exchange(line: socket.socket, given: bytes) -> Seen:
    """Of the answer its head alone is read."""
    try:
        line.sendall(given)
        answer = http.client.HTTPResponse(line, method="GET")
        answer.begin()
    except (OSError, http.client.HTTPException) as error:
        return Seen(is_reached=True, trouble=tell_trouble(error))
    return Seen(is_reached=True, status=answer.status, location=answer.getheader("Location", ""))


def _write_request(target: Target) -> bytes:
    host = f"[{target.host}]" if ":" in target.host else target.host
    lines = (f"GET {target.path} HTTP/1.1", f"Host: {host}", "User-Agent: homeprod", "Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _make_context() -> ssl.SSLContext:
    context = make_context()
    context.set_alpn_protocols(["http/1.1"])
    return context

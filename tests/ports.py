"""Ports for programs that a test starts and that cannot choose one themselves."""

from __future__ import annotations

import contextlib
import random
import socket

_RANGE = range(10_000, 32_000)
"""Below those that the kernel gives to connections (ip(7), ip_local_port_range): none of them takes one meanwhile."""
_given = set[int]()


def find_port() -> int:
    """One that nothing listens at on loopback, and that this process was not given before."""
    while True:
        port = random.choice(_RANGE)  # noqa: S311 (no secret)
        if port in _given:
            continue
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _given.add(port)
            return port

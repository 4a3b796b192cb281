"""Says to systemd that a service is ready, so that whoever started it can go on."""

from __future__ import annotations

import os
import socket


def tell_systemd(words: str) -> None:
    """sd_notify(3): a datagram to the socket that systemd names; where it names none, nobody wants to hear it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            channel.sendall(words.encode())

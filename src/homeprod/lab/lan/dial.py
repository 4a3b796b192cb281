"""Connections into a lab's LAN, from a process that is not in it."""

from __future__ import annotations

import ctypes
import os
import socket
import threading

from homeprod.core.errors import LabError
from homeprod.lab.folder import require_up
from homeprod.lab.lan.network import Lan

_NEW_NET = 0x40000000
"""CLONE_NEWNET of setns(2)."""


def dial(name: str, host: str, port: int, timeout: float, *, is_outside: bool = False) -> socket.socket:
    """A TCP connection within the LAN of the running lab of that name, or from what is outside of it. A socket stays
    in the namespace that it was made in, so a thread enters it, connects, and ends; the caller never leaves its own.
    Raises LabError where the namespace cannot be entered, and OSError where nobody answers."""
    lab = require_up(name)
    lan = Lan(lab.read_spec(), lab.path)
    namespace = lan.outside.namespace if is_outside else lan.namespace
    found: list[socket.socket] = []
    failed: list[Exception] = []

    def connect() -> None:
        try:
            _enter(str(namespace.path))
            found.append(socket.create_connection((host, port), timeout))
        except (OSError, LabError) as error:
            failed.append(error)

    thread = threading.Thread(target=connect, name="dial", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def _enter(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LabError("the lab has no network", where=path, hint="a lab with --no-boot has none") from error
    try:
        if libc.setns(descriptor, _NEW_NET):
            hint = "the lab's network is entered by root alone; run it with sudo"
            raise LabError(
                f"cannot enter the lab's network: {os.strerror(ctypes.get_errno())}", where=path, hint=hint
            )
    finally:
        os.close(descriptor)

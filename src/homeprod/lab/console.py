"""The serial console of a machine on the person's own terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.guest.arguments import GuestFiles
from homeprod.lab.guest.monitor import Monitor

ESCAPE = b"\x1d"
ESCAPE_NAME = "Ctrl-]"
"""Ends the console, as in telnet(1) and `virsh console`; the machine never sees it."""
_HISTORY = 32 * 1024
_PIECE = 64 * 1024


def check_console(files: GuestFiles) -> None:
    """Raises LabError where somebody else has the console: QEMU serves one at a time, and the second would wait."""
    devices = asyncio.run(Monitor(files.monitor).call("query-chardev"))
    serial = next((device for device in devices if device["label"] == "serial0"), None)
    if serial is not None and not str(serial["filename"]).startswith("disconnected:"):
        raise LabError(
            "somebody else has this console open",
            where=str(files.serial),
            hint=f"end it there with {ESCAPE_NAME}; what it says can be followed:\n\n  tail -f {files.serial_log}",
        )


def open_console(files: GuestFiles) -> None:
    """What the machine said last, then both ways, until the escape key, the end of the input or of the machine.

    Raises LabError where the console cannot be had.
    """
    with _connect(files.serial) as serial, _raw_terminal(sys.stdin.fileno()):
        _write(sys.stdout.fileno(), read_history(files.serial_log))
        relay(serial, sys.stdin.fileno(), sys.stdout.fileno())


def read_history(log: Path) -> bytes:
    """The end of the serial log, from the beginning of a line."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _HISTORY))
            text = file.read()
    except FileNotFoundError:
        return b""
    return text if size <= _HISTORY else text.partition(b"\n")[2]


def relay(serial: socket.socket, source: int, target: int) -> None:
    """``source`` to the machine and the machine to ``target``."""
    with selectors.DefaultSelector() as selector:
        selector.register(serial, selectors.EVENT_READ)
        # A file is never a reason to wait for, and epoll refuses it.
        with contextlib.suppress(PermissionError):
            selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is serial:
                    if not (said := serial.recv(_PIECE)):
                        return
                    _write(target, said)
                elif not _pass_on(serial, source):
                    return


def _pass_on(serial: socket.socket, source: int) -> bool:
    """Whether there is more to come."""
    typed = os.read(source, _PIECE)
    before, escape, _ = typed.partition(ESCAPE)
    serial.sendall(before)
    return bool(typed) and not escape


def _write(target: int, content: bytes) -> None:
    while content:
        content = content[os.write(target, content) :]


@contextlib.contextmanager
def _connect(path: Path) -> Iterator[socket.socket]:
    """Through a descriptor of its folder: a socket's address holds 107 bytes at most (unix(7))."""
    with socket.socket(socket.AF_UNIX) as serial:
        try:
            folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
            try:
                serial.connect(f"/proc/self/fd/{folder}/{path.name}")
            finally:
                os.close(folder)
        except OSError as error:
            raise LabError(f"cannot reach the console: {error.strerror}", where=str(path)) from error
        yield serial


@contextlib.contextmanager
def _raw_terminal(descriptor: int) -> Iterator[None]:
    """Every key goes to the machine, Ctrl-C too; nothing to do where it is no terminal."""
    if not os.isatty(descriptor):
        yield
        return
    kept = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, kept)

"""Work apart: in a forked child, which ends with it.

Opening the keyring takes a second of computing (scrypt) and leaves copies of the passphrase, the identity and every
private key in memory that Python cannot erase. In a child neither touches the keyholder: it goes on answering, and it
keeps what it asked for alone. A process with one thread may fork; the keyholder has no other.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeprod.control.keyholder.errors import KeyholderError, WireError
from homeprod.control.keyholder.hardening import harden_child
from homeprod.control.keyholder.sockets.listener import receive_message
from homeprod.control.keyholder.sockets.refusal import describe, raise_refusal
from homeprod.control.keyholder.sockets.wire import Message, encode, wipe

LIMIT = 120.0
"""Seconds: a passphrase's scrypt on a very slow machine takes some."""


@dataclass(slots=True)
class Outcome:
    """What the work gives back: ``raw`` is secret."""

    fields: dict[str, Any]
    raw: Mapping[str, bytes | bytearray] = field(default_factory=dict, repr=False)

    def wipe(self) -> None:
        """Zero what is raw, as far as Python can."""
        for part in self.raw.values():
            if isinstance(part, bytearray):
                wipe(part)


async def work_apart(work: Callable[[], Outcome]) -> Message:
    """Raises what the work raised, as KeyholderError of that kind, or KeyholderError where it was cut off."""
    parent = os.getpid()
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        _be_child(work, theirs, parent)
    theirs.close()
    try:
        ours.setblocking(False)
        answer = await receive_message(ours, LIMIT)
    except (WireError, TimeoutError, OSError) as error:
        hint = "it may have run out of memory or time; see what the machine says:\n\n  journalctl -b -k"
        raise KeyholderError("opening the keyring was cut off", hint=hint) from error
    finally:
        ours.close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    raise_refusal(answer)
    return answer


def _be_child(work: Callable[[], Outcome], channel: socket.socket, parent: int) -> None:
    """Never returns."""
    try:
        signal.set_wakeup_fd(-1)  # the loop's: a signal to the child is none to the parent
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        harden_child(parent)
        channel.sendall(_run(work))
    finally:
        os._exit(0)


def _run(work: Callable[[], Outcome]) -> bytearray:
    try:
        outcome = work()
    except Exception as error:  # noqa: BLE001 (whatever it is, the parent is told)
        return encode(describe(error))
    return encode({"ok": True, **outcome.fields}, outcome.raw)

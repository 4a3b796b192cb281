"""Peer: who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED), and whom a socket belongs to."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass

from homeprod.core.errors import ControlError

_CREDENTIALS = struct.Struct("3i")
"""``struct ucred``: process, user, group (unix(7))."""


@dataclass(frozen=True, slots=True)
class Peer:
    pid: int
    uid: int

    @property
    def name(self) -> str:
        """Its Unix name, or its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def find_peer(connection: socket.socket) -> Peer:
    pid, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid)


@dataclass(frozen=True, slots=True)
class User:
    """A Unix user that a process or a socket is given to."""

    name: str
    uid: int
    gid: int

    @property
    def is_own(self) -> bool:
        return self.uid == os.geteuid()


def find_user(name: str) -> User:
    """Raises ControlError where there is none. Who is not root can give nothing away: it is ourselves then."""
    if os.geteuid() != 0:
        return find_own()
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        hint = "cloud-init makes it on a control node; see what its end says:\n\n  cloud-init status --long"
        raise ControlError(f"there is no Unix user {name} on this machine", hint=hint) from None
    return User(name, entry.pw_uid, entry.pw_gid)


def find_own() -> User:
    """Whoever we are."""
    return User(Peer(os.getpid(), os.geteuid()).name, os.geteuid(), os.getegid())


def find_group(name: str) -> int | None:
    """Its number, where there is such a group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None

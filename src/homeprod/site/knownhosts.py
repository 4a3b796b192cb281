"""Known hosts: whether lines of known_hosts hold a key of a git repository's server."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

SSH_PORT = 22
_SHORT = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?!//)\S+")
"""As scp writes it, and git understands (git-clone(1), GIT URLS)."""
_LONG = re.compile(r"ssh://(?:[^@/\s]+@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?/\S+")


@dataclass(frozen=True, slots=True)
class SshServer:
    """Where git reaches a repository over SSH."""

    host: str
    port: int = SSH_PORT

    @property
    def label(self) -> str:
        """As known_hosts names it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
        return self.host if self.port == SSH_PORT else f"[{self.host}]:{self.port}"


def read_server(url: str) -> SshServer | None:
    """The server of a repository's SSH URL; None where it is no such URL."""
    if found := _LONG.fullmatch(url):
        return SshServer(found["host"].strip("[]").lower(), int(found["port"] or SSH_PORT))
    if found := _SHORT.fullmatch(url):
        return SshServer(found["host"].lower())
    return None


def is_known(server: SshServer, lines: Iterable[str]) -> bool:
    """Whether one of the lines is the server's. As ssh does, one without a port is good for every port."""
    return any(_names(line.partition(" ")[0], name) for line in lines for name in {server.label, server.host})


def _names(field: str, name: str) -> bool:
    """``field`` is a line's first: patterns with commas between, ``!`` in front of what is meant not to be, or the
    hash of one name."""
    if field.startswith("|1|"):
        return _is_hash_of(field, name)
    patterns = [pattern.lower() for pattern in field.split(",")]
    if any(_fits(pattern[1:], name) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_fits(pattern, name) for pattern in patterns)


def _fits(pattern: str, name: str) -> bool:
    """``*`` and ``?`` alone are special to ssh; brackets stand around a host that has a port behind it."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _is_hash_of(field: str, name: str) -> bool:
    """``|1|salt|hash``: HMAC-SHA1, as ssh-keygen -H writes it."""
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in field.split("|")[2:])
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)

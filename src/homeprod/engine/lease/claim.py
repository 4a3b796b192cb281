"""Claim: what stands in the comment of a lease's pool, in words that a person reads in Proxmox too.

    held by sean@laptop (pid 4711, id 9f3ac2) for apply since 2026-11-25 20:58:19Z; renewed every 5 s, 12 times so far
    free; last held by sean@laptop (pid 4711, id 9f3ac2) for apply since 2026-11-25 20:58:19Z

The times are the holder's own and only for people: nothing is ever decided by comparing clocks.
"""

from __future__ import annotations

import datetime
import getpass
import os
import re
import secrets
import socket
from dataclasses import dataclass

FREE = "free; "
_HOLDER = r"(?P<holder>\S+ \(pid \d+, id [0-9a-f]+\)) for (?P<purpose>[a-z -]+) since (?P<since>[0-9: -]+Z)"
_HELD = re.compile(rf"held by {_HOLDER}; renewed every (?P<period>\d+(?:\.\d+)?) s, (?P<beats>\d+) times so far")


@dataclass(frozen=True, slots=True)
class Claim:
    """``holder`` is user, host, process and a random id; ``period`` the seconds between two of its ``beats``."""

    holder: str
    purpose: str
    since: str
    period: float
    beats: int = 0

    def __str__(self) -> str:
        return f"{self.holder} for {self.purpose} since {self.since}"


def make_claim(purpose: str, period: float) -> Claim:
    """This process's own."""
    holder = f"{_read_user()}@{_tidy(socket.gethostname())} (pid {os.getpid()}, id {secrets.token_hex(3)})"
    since = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return Claim(holder, purpose, since, period)


def _read_user() -> str:
    try:
        return _tidy(getpass.getuser())
    except (OSError, KeyError):  # a user without a name, as in some containers
        return f"uid-{os.getuid()}"


def _tidy(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:64] or "unknown"


def render_held(claim: Claim) -> str:
    return f"held by {claim}; renewed every {claim.period:g} s, {claim.beats} times so far"


def render_free(claim: Claim) -> str:
    return f"{FREE}last held by {claim}"


def parse_held(comment: str) -> Claim | None:
    """None for a comment that homeprod would not write for a lease that is held."""
    found = _HELD.fullmatch(comment.strip())
    if found is None:
        return None
    return Claim(found["holder"], found["purpose"], found["since"], float(found["period"]), int(found["beats"]))

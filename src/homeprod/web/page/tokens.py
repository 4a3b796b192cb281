"""Links that let a browser in once, and the sessions that they begin. In memory alone: a restart ends all of them."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

LINK_SECONDS = 300.0
"""For a link to be opened."""
SESSION_SECONDS = 8 * 3600.0
MOST_OF_PERSON = 8
"""Links, and sessions; a person's oldest makes room for another."""
MOST = 256
_BYTES = 24


@dataclass(frozen=True, slots=True)
class Standing:
    """What a session holds by: the person's keys as the settings have them, and the node's state with when it came
    into it. Any other value ends it."""

    keys: tuple[str, ...]
    state: str
    since: float


@dataclass(frozen=True, slots=True)
class Ticket:
    person: str
    standing: Standing
    ends: float


class Tickets:
    """By digest: a look at this memory opens nothing, and how long a search takes tells nothing of what is in it."""

    def __init__(self, seconds: float, steady: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._steady = seconds, steady
        self._known: dict[bytes, Ticket] = {}

    def issue(self, person: str, standing: Standing) -> str:
        """For as long as these last."""
        self._tidy(person)
        token = secrets.token_urlsafe(_BYTES)
        self._known[_digest(token)] = Ticket(person, standing, self._steady() + self._seconds)
        return token

    def find(self, token: str) -> Ticket | None:
        ticket = self._known.get(_digest(token))
        return ticket if ticket is not None and ticket.ends > self._steady() else None

    def take(self, token: str) -> Ticket | None:
        """Once."""
        ticket = self.find(token)
        self.drop(token)
        return ticket

    def drop(self, token: str) -> None:
        self._known.pop(_digest(token), None)

    def _tidy(self, person: str) -> None:
        now = self._steady()
        self._known = {digest: one for digest, one in self._known.items() if one.ends > now}
        own = [digest for digest, one in self._known.items() if one.person == person]
        spare = (
            own[: max(len(own) + 1 - MOST_OF_PERSON, 0)] or list(self._known)[: max(len(self._known) + 1 - MOST, 0)]
        )
        for digest in spare:
            del self._known[digest]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()

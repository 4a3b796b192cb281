"""A ticket: what a log-in with user and password gives, renewed before its two hours are over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeprod.core.errors import DeniedError
from homeprod.drivers.proxmox.transport.credential import Login, SecretText

RENEWAL_AGE = 90 * 60.0
"""Seconds. A ticket is good for two hours (facts: transport)."""

Exchange = Callable[[Mapping[str, str]], Any]
"""Sends ``POST /access/ticket`` with these parameters and gives the answer's data."""


@dataclass
class TicketHolder:
    """Keeps one ticket fresh for all threads. ``clock`` is monotonic, in seconds."""

    login: Login
    exchange: Exchange
    clock: Callable[[], float] = time.monotonic
    _ticket: SecretText = field(default=SecretText(""), repr=False)
    _csrf: SecretText = field(default=SecretText(""), repr=False)
    _born: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def headers(self, method: str) -> dict[str, str]:
        """The cookie, and for everything but GET the token against request forgery."""
        with self._lock:
            if not self._ticket or self.clock() - self._born > RENEWAL_AGE:
                self._renew()
            headers: dict[str, str] = {"Cookie": SecretText(f"PVEAuthCookie={self._ticket}")}
            if method != "GET":
                headers["CSRFPreventionToken"] = self._csrf
            return headers

    def forget(self, refused: Mapping[str, str]) -> None:
        """Drop the ticket that was just refused, unless another thread has a newer one by now."""
        with self._lock:
            if refused.get("Cookie") == f"PVEAuthCookie={self._ticket}":
                self._ticket = SecretText("")

    def _renew(self) -> None:
        answer = self.exchange({"username": self.login.user, "password": self.login.password})
        if answer.get("NeedTFA"):
            raise DeniedError(
                f"{self.login} has a second factor", hint="make an API token for it: tokens need no second factor"
            )
        self._ticket, self._csrf = SecretText(answer["ticket"]), SecretText(answer["CSRFPreventionToken"])
        self._born = self.clock()

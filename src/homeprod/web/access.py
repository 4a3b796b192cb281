"""Who may come in: by signature, and not too often."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from homeprod.control.settings import NodeSettings
from homeprod.core.refusal import Refusal
from homeprod.core.webhook import call_content, name_audience
from homeprod.web.answer import RefusedError
from homeprod.web.limit import Buckets, Rate
from homeprod.web.signature import Caller, Checker, Guard


@dataclass(frozen=True, slots=True)
class Limits:
    """``signer`` is of all that a person's keys sign, ``address`` of refused signatures from one address, ``public``
    of calls without a signature, ``push`` of hints that something was pushed."""

    signer: Rate = Rate(20, 200)  # noqa: RUF009 (frozen)
    address: Rate = Rate(1, 30)  # noqa: RUF009
    public: Rate = Rate(10, 100)  # noqa: RUF009
    push: Rate = Rate(0.5, 30)  # noqa: RUF009


class Access:
    """``now`` is the wall clock, in seconds since 1970. Every method raises RefusedError."""

    def __init__(
        self, settings: Callable[[], NodeSettings], limits: Limits, now: Callable[[], float] = time.time
    ) -> None:
        self.guard, self._settings = Guard(now), settings
        self._checker = Checker(settings, self.guard)
        self._signers, self._refused, self._public, self._pushes = (
            Buckets(rate) for rate in (limits.signer, limits.address, limits.public, limits.push)
        )

    def require_ringer(self, request: web.BaseRequest, body: bytes) -> Caller:
        caller = self._checker.find_caller(request, body)
        if caller is None:
            # Counted after the look, not before it: a stranger behind the same address keeps nobody out.
            if wait := self._refused.take(_find_address(request)):
                raise RefusedError(Refusal.BUSY_ADDRESS, retry_after=wait)
            raise RefusedError(Refusal.UNSIGNED)
        if wait := self._signers.take(caller.person):
            raise RefusedError(Refusal.BUSY_SIGNER, retry_after=wait)
        return caller

    def require_caller(self, request: web.BaseRequest, body: bytes) -> Caller:
        """The same for a call other than the ring, which counts once."""
        settings = self._settings()
        audience = name_audience(settings.site_id, settings.node)
        caller = self.require_ringer(request, call_content(request.method, request.raw_path, audience, body))
        if not self.guard.take(caller.message_id):
            raise RefusedError(Refusal.UNSIGNED)
        return caller

    def require_rare_push(self, request: web.BaseRequest) -> None:
        """Of a hint, whose sender is known to nobody."""
        if wait := self._pushes.take(_find_address(request)):
            raise RefusedError(Refusal.BUSY_ADDRESS, retry_after=wait)

    def require_seldom(self, person: str) -> None:
        """Of somebody who looks at the page: it counts among what that person's keys sign."""
        if wait := self._signers.take(person):
            raise RefusedError(Refusal.BUSY_SIGNER, retry_after=wait)

    def require_rare(self, request: web.BaseRequest) -> None:
        """Of a call without a signature."""
        if wait := self._public.take(_find_address(request)):
            raise RefusedError(Refusal.BUSY_ADDRESS, retry_after=wait)


def _find_address(request: web.BaseRequest) -> str:
    """Nothing but the connection is asked: a header that names another one can be written by anybody."""
    return name_address(request.remote or "")


@lru_cache(1024)
def name_address(remote: str) -> str:
    """Of IPv6 the network, since one machine may have all of its addresses."""
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))

"""Watch a holder of the lease: alive, gone, or done. Only our own clock counts, and only what was seen on both
sides of the time that it measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from homeprod.core.errors import LeaseError
from homeprod.engine.lease.claim import Claim
from homeprod.engine.lease.look import Seen, look
from homeprod.engine.ports import Hypervisor

Say = Callable[[str], None]
SLOWEST = 5.0
"""Seconds between two beats at most. Each is a write to the cluster's user.cfg."""
MISSED = 4
"""Beats that must be missed at least before a holder counts as dead, whatever limit the observer has."""
REMINDER = 30.0
"""Seconds between two lines while a living holder is waited for."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a lease is taken. A holder is dead when its claim has not changed for ``limit`` seconds of our own clock;
    ``patience`` is how many seconds a living one is waited for; ``breaks`` takes it from whoever holds it."""

    limit: float = 60.0
    purpose: str = "apply"
    patience: float = 0.0
    breaks: bool = False

    @property
    def period(self) -> float:
        return min(SLOWEST, self.limit / MISSED)


def watch_holder(hypervisor: Hypervisor, site_id: str, terms: Terms, seen: Seen, say: Say) -> Seen:
    """The lease once it is free or its holder dead. Raises LeaseError where it is alive and our patience at its end,
    and ProxmoxError."""
    limit = _choose_limit(terms, seen.claim)
    say(f"this site's lease is held by {seen.holder}; looking whether it is still renewed ({limit:g} s at most)")
    return _Watch(hypervisor, site_id, terms, say, seen).run()


@dataclass
class _Watch:
    hypervisor: Hypervisor
    site_id: str
    terms: Terms
    say: Say
    seen: Seen
    begun: float = field(default_factory=time.monotonic)

    def run(self) -> Seen:
        still_since = spoke = self.begun
        while True:
            limit = _choose_limit(self.terms, self.seen.claim)
            time.sleep(min(1.0, limit / 20))
            asked = time.monotonic()  # before the look, which may itself take long
            now = look(self.hypervisor, self.site_id)
            if now.is_free:
                return now
            if (now.number, now.comment) != (self.seen.number, self.seen.comment):
                self._check_patience(now, asked)
                if now.number != self.seen.number or still_since == self.begun:
                    self.say(f"{now.holder} is at work; waiting {self.terms.patience:g} s at most")
                self.seen, still_since = now, time.monotonic()
            elif asked - still_since >= limit:
                self.say(f"it was not renewed for {limit:g} s: its holder is gone")
                return now
            if asked - spoke >= REMINDER:
                self.say(f"held by {now.holder}, renewed {asked - still_since:.0f} s ago or more")
                spoke = asked

    def _check_patience(self, now: Seen, asked: float) -> None:
        patience = self.terms.patience
        if asked - self.begun < patience:
            return
        raise LeaseError(
            f"somebody else is at work on this site: {now.holder}"
            + (f" (waited {patience:g} s)" if patience else "")
            + "; nothing was done",
            hint="wait for its end with `--wait-lease 600`; or, where you know that it must not go on, take over with"
            " `--break-lease`",
        )


def _choose_limit(terms: Terms, claim: Claim | None) -> float:
    return max(terms.limit, MISSED * claim.period) if claim is not None else terms.limit

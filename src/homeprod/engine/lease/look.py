"""What the leases of a site are now: the pools ``homeprod-<site id, 8>-lease-N``, of which the highest N counts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from homeprod.engine.lease.claim import FREE, Claim, parse_held
from homeprod.engine.ports import Hypervisor

LARGEST = 10**15 - 1
"""No counting comes to it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The highest lease and its ``comment``; number 0 where there is none. ``lower`` are left to be deleted."""

    number: int = 0
    comment: str = ""
    lower: tuple[int, ...] = ()

    @property
    def is_free(self) -> bool:
        return self.number == 0 or self.comment.startswith(FREE)

    @property
    def claim(self) -> Claim | None:
        return parse_held(self.comment)

    @property
    def holder(self) -> str:
        """Who, where, for what and since when, for a person."""
        claim = self.claim
        return str(claim) if claim is not None else f"somebody, by a comment not of homeprod's: {self.comment!r}"


def name_lease(site_id: str, number: int) -> str:
    return f"homeprod-{site_id[:8]}-lease-{number}"


def look(hypervisor: Hypervisor, site_id: str) -> Seen:
    """One call. Raises ProxmoxError."""
    form = re.compile(re.escape(name_lease(site_id, 0)[:-1]) + r"([1-9]\d{0,14})")
    pools = hypervisor.read_pools()
    numbers = sorted(int(found[1]) for name in pools if (found := form.fullmatch(name)))
    if not numbers:
        return Seen()
    *lower, highest = numbers
    return Seen(highest, pools[name_lease(site_id, highest)], tuple(lower))

"""Take a site's lease: look who holds it, wait for a dead holder's limit, make the next number.

Proxmox makes a pool of a name once, so of several who make number N+1 one gets it. Numbers only rise: a lease that
is given back keeps its pool, with a comment that says so, until the next one has been taken. So whoever slept through
any number of holders finds a higher number than its own, and a number made after a look says that none came between.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from homeprod.core.errors import LeaseError, NotFoundError, ProxmoxError, TransientError
from homeprod.engine.lease.claim import Claim, make_claim, render_held
from homeprod.engine.lease.lease import Lease
from homeprod.engine.lease.look import LARGEST, Seen, look, name_lease
from homeprod.engine.lease.watch import Say, Terms, watch_holder
from homeprod.engine.ports import Hypervisor

ATTEMPTS = 5
"""For a creation whose answer was lost."""


@contextmanager
def hold_lease(
    hypervisor: Hypervisor, site_id: str, terms: Terms, say: Say, *, seen: Seen | None = None
) -> Iterator[Lease]:
    """Hold it while the body runs; write with ``lease.hypervisor``. Given back at the end, also after an error.

    With ``seen``, what ``await_lease`` gave before something was read, ``lease.is_fresh`` says whether what was read
    still holds. Raises LeaseError where somebody else holds it, and ProxmoxError.
    """
    lease = _take(hypervisor, site_id, terms, say, seen)
    try:
        lease.start()
        yield lease
    finally:
        lease.release()


def await_lease(hypervisor: Hypervisor, site_id: str, terms: Terms, say: Say) -> Seen:
    """The lease as soon as it may be taken: nobody holds it, or its holder is dead, or it is to be broken. A holder
    whose claim changes is alive. Raises LeaseError where one still is after ``patience`` seconds."""
    seen = look(hypervisor, site_id)
    if seen.is_free or terms.breaks:
        return seen
    return watch_holder(hypervisor, site_id, terms, seen, say)


def _take(hypervisor: Hypervisor, site_id: str, terms: Terms, say: Say, before: Seen | None) -> Lease:
    seen = before if before is not None else await_lease(hypervisor, site_id, terms, say)
    if not seen.is_free and (now := look(hypervisor, site_id)) != seen and not _is_same_holder(terms, seen, now):
        terms = replace(terms, breaks=False)  # whoever holds it now is not the one that was to be broken
        seen = await_lease(hypervisor, site_id, terms, say)
    is_fresh = before is not None and before.is_free
    while True:
        claim = make_claim(terms.purpose, terms.period)
        number = seen.number + 1
        if number > LARGEST:
            raise _explain_end(name_lease(site_id, seen.number))
        if _create(hypervisor, site_id, number, claim):
            there = look(hypervisor, site_id)
            if there.number == number:
                break
            _drop(hypervisor, site_id, (number,), say)  # we slept, and others went past it meanwhile
        terms, is_fresh = replace(terms, breaks=False), False
        seen = await_lease(hypervisor, site_id, terms, say)
    if terms.breaks and not seen.is_free:
        say(f"took the lease from {seen.holder}")
    _drop(hypervisor, site_id, there.lower, say)
    return Lease(hypervisor, site_id, number, claim, terms.limit, is_fresh=is_fresh, say=say)


def _explain_end(name: str) -> LeaseError:
    return LeaseError(
        "no lease can come after this one, which was not made by homeprod",
        where=name,
        hint=f"find out who made it; then, on a node:\n\n  pvesh delete /pools/{name}",
    )


def _is_same_holder(terms: Terms, before: Seen, now: Seen) -> bool:
    """To be broken though it was renewed meanwhile; one that was found dead is not."""
    return terms.breaks and now.number == before.number and not now.is_free


def _create(hypervisor: Hypervisor, site_id: str, number: int, claim: Claim) -> bool:
    """Whether the lease of that number is ours now. Raises ProxmoxError."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            hypervisor.create_pool(name_lease(site_id, number), render_held(claim))
            return True
        except TransientError:
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.1 * 2**attempt)
        except ProxmoxError as error:
            if "already exists" not in error.message:
                raise
            # An earlier attempt of ours may have made it, and its answer was lost.
            return claim.holder in hypervisor.read_pools().get(name_lease(site_id, number), "")
    raise AssertionError("the last attempt returns or raises")


def _drop(hypervisor: Hypervisor, site_id: str, numbers: tuple[int, ...], say: Say) -> None:
    """Tidying up: what stays is deleted by whoever takes the lease next."""
    for number in numbers:
        try:
            hypervisor.delete_pool(name_lease(site_id, number))
        except (NotFoundError, TransientError):
            continue
        except ProxmoxError as error:  # somebody put a machine into it, say
            say(f"{name_lease(site_id, number)}, which nobody holds, cannot be deleted: {error.message}")

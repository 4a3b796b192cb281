"""The lease as the commands hold it: who else is at work is said before anything is asked, read or written."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from homeprod.cli import render
from homeprod.cli.interruption import end_as_interrupted
from homeprod.engine.lease import Lease, Seen, Terms, await_lease, hold_lease
from homeprod.engine.ports import Hypervisor
from homeprod.engine.work import InterruptedWorkError
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class Tenure:
    """What a command has while it holds the lease, or while the site wants none: ``hypervisor`` to write with,
    ``is_stopping`` to be watched by what it does. ``is_fresh`` where what was read before still holds."""

    hypervisor: Hypervisor
    is_fresh: bool = True
    is_stopping: threading.Event = field(default_factory=threading.Event)
    lease: Lease | None = None

    def leave(self) -> None:
        """Something still runs: the lease is not given back, and ends by itself."""
        if self.lease is not None:
            self.lease.leave()

    def raise_if_lost(self) -> None:
        """Raises LeaseError."""
        if self.lease is not None:
            self.lease.raise_if_lost()


def await_turn(site: Site, hypervisor: Hypervisor, options: argparse.Namespace) -> Seen | None:
    """Before anything is read: raises LeaseError where somebody else is at work. What it gives is for ``take_turn``;
    None where the site wants no lease."""
    terms = _read_terms(site, options)
    return None if terms is None else await_lease(hypervisor, site.config.id, terms, render.say)


@contextmanager
def take_turn(
    site: Site, hypervisor: Hypervisor, options: argparse.Namespace, seen: Seen | None = None
) -> Iterator[Tenure]:
    """Hold the site's lease while the body writes. ``seen`` is what ``await_turn`` gave: who was found dead then is
    not watched once more. Raises LeaseError and ProxmoxError."""
    terms = _read_terms(site, options)
    if terms is None:
        yield Tenure(hypervisor)
        return
    with (
        end_as_interrupted(),
        hold_lease(hypervisor, site.config.id, terms, render.say, seen=seen) as lease,
    ):
        try:
            yield Tenure(lease.hypervisor, lease.is_fresh, lease.is_stopping, lease)
        except InterruptedWorkError:  # the lease was lost between two steps: whoever took it is to be told
            lease.raise_if_lost()
            raise


def _read_terms(site: Site, options: argparse.Namespace) -> Terms | None:
    limit = site.config.lease_limit
    if limit is None:
        return None
    return Terms(limit, options.command, options.wait_lease, options.break_lease)

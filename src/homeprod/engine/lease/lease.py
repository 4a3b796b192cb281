"""Lease: the right to write to one site, held by one process: renewed by a thread, looked up before every write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from homeprod.core.errors import LeaseError, ProxmoxError
from homeprod.engine.lease.claim import Claim, render_free, render_held
from homeprod.engine.lease.guard import GuardedHypervisor
from homeprod.engine.lease.look import look, name_lease
from homeprod.engine.ports import Hypervisor

Say = Callable[[str], None]
PLAN_AGAIN = "see what is there now, and who is at work:\n\n  homeprod plan\n  homeprod apply"


class Lease:
    """Held from its making on. ``is_fresh``: nobody else held it since the look that it was taken after, so what was
    read since then still holds. ``is_stopping`` is set when it is lost: nothing new is to begin then."""

    def __init__(
        self,
        hypervisor: Hypervisor,
        site_id: str,
        number: int,
        claim: Claim,
        limit: float,
        *,
        is_fresh: bool,
        say: Say,
    ) -> None:
        self._plain, self._site_id, self._claim = hypervisor, site_id, claim
        self._limit, self._say = limit, say
        self.number, self.is_fresh = number, is_fresh
        self.is_stopping = threading.Event()
        self.hypervisor: Hypervisor = GuardedHypervisor(hypervisor, self.check)
        """To write with: every write is preceded by ``check``."""
        self._lost = ""
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="lease", daemon=True)

    @property
    def name(self) -> str:
        return name_lease(self._site_id, self.number)

    def start(self) -> None:
        self._heart.start()

    def check(self) -> None:
        """Raises LeaseError unless this is still the site's highest lease; ProxmoxError where that cannot be read."""
        self.raise_if_lost()
        seen = look(self._plain, self._site_id)
        if seen.number > self.number:
            self._lose(f"the lease on this site was taken over: {seen.comment}")
        elif seen.number < self.number:
            self._lose("the lease's pool was deleted")
        elif self._claim.holder not in seen.comment:
            self._lose(f"the lease on this site is another's now: {seen.comment}")
        self.raise_if_lost()

    def raise_if_lost(self) -> None:
        """Raises LeaseError."""
        if self._lost:
            raise LeaseError(f"{self._lost}; nothing was written since", where=self.name, hint=PLAN_AGAIN)

    def leave(self) -> None:
        """Neither renew it nor give it back: tasks still run, and it dies by itself."""
        self._is_over.set()

    def release(self) -> None:
        """Say that it is free, unless it was lost or left. The pool stays: its number must never come again."""
        if self._is_over.is_set():
            return
        self._is_over.set()
        if self._heart.is_alive():
            self._heart.join()
        if self._lost:
            return
        try:
            self._plain.change_pool(self.name, render_free(self._claim))
        except ProxmoxError as error:
            self._say(
                f"{self.name} could not be given back ({error.message}); it ends by itself in {self._limit:g} s"
            )

    def _lose(self, reason: str) -> None:
        with self._lock:
            if self._lost:
                return
            self._lost = reason
        self.is_stopping.set()
        if not self._is_over.is_set():
            self._say(f"{self.name}: {reason}; nothing new is written, what runs is waited for")

    def _beat(self) -> None:
        renewed = time.monotonic()
        while not self._is_over.wait(self._claim.period):
            try:
                self.check()
                self._claim = replace(self._claim, beats=self._claim.beats + 1)
                self._plain.change_pool(self.name, render_held(self._claim))
                renewed = time.monotonic()
            except LeaseError:
                return
            except ProxmoxError as error:  # tried again at the next beat
                silent = time.monotonic() - renewed
                if silent >= self._limit / 2:
                    self._lose(f"the lease could not be renewed for {silent:.0f} s ({error.message})")
                    return

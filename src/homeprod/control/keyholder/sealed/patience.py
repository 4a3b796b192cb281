"""Patience: how long a person waits after a wrong passphrase. Each has a turn of their own, so that whoever guesses
at one person's holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from homeprod.control.keyholder.errors import KeyholderError

LONGEST = 30.0
"""Seconds between two tries, once there were many wrong ones."""
WAITING = 4
"""Tries of one person that may wait for their turn; more are refused at once."""


class Patience:
    """``first`` seconds after a first wrong passphrase, twice as long after each more, till a right one."""

    def __init__(self, first: float = 1.0) -> None:
        self._first = first
        self._wrong: dict[str, int] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}

    @asynccontextmanager
    async def take_turn(self, person: str) -> AsyncIterator[None]:
        """The person's tries come one after the other. Raises KeyholderError where too many wait already."""
        if self._waiting.get(person, 0) >= WAITING:
            hint = "wait a minute, and see who else tries:\n\n  journalctl -u homeprod-keyholder"
            raise KeyholderError(f"too many tries of {person}'s passphrase at once", hint=hint, kind="BusyError")
        self._waiting[person] = self._waiting.get(person, 0) + 1
        try:
            async with self._turns.setdefault(person, asyncio.Lock()):
                yield
        finally:
            self._waiting[person] -= 1

    def lose(self, person: str) -> float:
        """After a wrong one: the seconds to wait within the turn."""
        wrong = self._wrong.get(person, 0)
        self._wrong[person] = wrong + 1
        return float(min(self._first * 2 ** min(wrong, 16), LONGEST))

    def forgive(self, person: str) -> None:
        self._wrong.pop(person, None)

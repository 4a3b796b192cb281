"""Hearing: the records that are believed, of those that the git host has, and those that it had before.

Whoever can push to the git host can take notes away there, a red one or a roll-back say; so what was believed once is
kept in the ledger, and asked again whenever it is read: whose key may sign no more is believed no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from homeprod.control.hosts.ledger import Ledger
from homeprod.control.promotion.admission import drop_lines, keep_lines, read_lines
from homeprod.control.settings import KeyOwner
from homeprod.core.errors import ControlError
from homeprod.promotion.notes import Heard, read_notes
from homeprod.promotion.record import Signed, Trial
from homeprod.promotion.sshsig import Believers
from homeprod.promotion.verdict import Entries

_KEPT_SECONDS = 90 * 86_400.0
"""How long a trial is kept that has expired; it says nothing any more."""


class Hearing:
    def __init__(self, ledger: Ledger, read: Callable[[], Awaitable[Mapping[str, str | None]]]) -> None:
        self._ledger, self._read = ledger, read
        self._last: tuple[object, ...] = ()
        self._heard: tuple[Entries, tuple[str, ...]] = (Entries(), ())

    async def hear(self, signers: Sequence[KeyOwner]) -> tuple[Entries, tuple[str, ...]]:
        """What is believed, and what counts as nothing. Where the notes cannot be read, what was heard before. Raises
        StorageError."""
        problem = ""
        try:
            fetched = await self._read()
        except ControlError as error:
            fetched, problem = {}, str(error)
        kept = await self._ledger.read(read_lines)
        question = (fetched, kept, tuple(signers), problem)
        if question != self._last:
            self._heard = await self._judge(fetched, kept, signers, problem)
            self._last = (fetched, await self._ledger.read(read_lines), tuple(signers), problem)
        return self._heard

    async def _judge(
        self, fetched: Mapping[str, str | None], kept: Mapping[str, str], signers: Sequence[KeyOwner], problem: str
    ) -> tuple[Entries, tuple[str, ...]]:
        people: dict[str, list[str]] = {}
        for one in signers:
            people.setdefault(one.person, []).append(one.key)
        new, old = await asyncio.to_thread(_read_both, fetched, kept, Believers(people))
        await self._remember(new, old, kept)
        believed = {
            **dict(zip(old.lines, old.believed, strict=True)),
            **dict(zip(new.lines, new.believed, strict=True)),
        }
        return Entries(believed[key] for key in sorted(believed)), (*((problem,) if problem else ()), *new.problems)

    async def _remember(self, new: Heard, old: Heard, kept: Mapping[str, str]) -> None:
        now = self._ledger.clock.now()
        more = {
            line: commit
            for (line, commit), one in zip(new.lines, new.believed, strict=True)
            if line not in kept and not _is_over(one, now)
        }
        gone = [line for (line, _), one in zip(old.lines, old.believed, strict=True) if _is_over(one, now)]
        if more:
            await self._ledger.write(lambda to: keep_lines(to, more))
        if gone:
            await self._ledger.write(lambda to: drop_lines(to, gone))


def _read_both(
    fetched: Mapping[str, str | None], kept: Mapping[str, str], believers: Believers
) -> tuple[Heard, Heard]:
    """Of those that were kept the ones that are not there any more."""
    there = {(line, commit) for commit, text in fetched.items() for line in (text or "").split("\n")}
    texts: dict[str, str] = {}
    for line, commit in kept.items():
        if (line, commit) not in there:
            texts[commit] = f"{texts.get(commit, '')}{line}\n"
    return read_notes(fetched, believers), read_notes(texts, believers)


def _is_over(signed: Signed, now: float) -> bool:
    return isinstance(signed.entry, Trial) and signed.entry.expires + _KEPT_SECONDS < now

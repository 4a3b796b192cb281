"""A new configuration in an old one's place: tried, swapped, taken over, looked at, and back where that is worse.

Killed anywhere, the next delivery goes on: while the mark stands beside the file, what is in place may not be served.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .probe import UNWELL, WELL, Answer, Probe, ask
from .server import Server, ServerError

_PAUSES = (0.2, 1.0, 3.0)
"""Seconds before a probe is repeated."""


class DeliveryError(Exception):
    """What was delivered does not serve; the words say what serves now."""


@dataclass(frozen=True)
class Delivered:
    """``unwell`` are the probes that got no good answer, and got no better one before either."""

    changed: bool
    unwell: tuple[str, ...] = ()


class Delivery:
    """To the file of ``server``."""

    def __init__(self, server: Server, probes: Sequence[Probe]) -> None:
        self._server, self._probes = server, probes
        self._file = server.file
        self._new, self._last = (self._beside(name) for name in ("new", "last"))
        self._mark = self._beside("delivering")

    def differs(self, text: str) -> bool:
        """Whether anything has to be done."""
        return self._read() != text or self._mark.exists() or self._server.find_master() is None

    def test(self, text: str) -> None:
        """Try ``text`` beside the old one and leave nothing. Raises ServerError."""
        try:
            self._write_new(text)
            self._server.test(self._new)
        finally:
            self._new.unlink(missing_ok=True)

    def deliver(self, text: str) -> Delivered:
        """Raises ServerError where ``text`` was refused and nothing was changed, DeliveryError where it was taken
        back, and OSError where it could not be written."""
        if not self.differs(text):
            return Delivered(changed=False)
        try:
            self._write_new(text)
            self._server.test(self._new)
            before = self._ask_all()
            self._swap()
        finally:
            self._new.unlink(missing_ok=True)
        try:
            self._server.take_over()
            unwell = self._compare(before)
        except (ServerError, DeliveryError) as error:
            raise DeliveryError(f"{error}\n{self._take_back()}") from error
        self._mark.unlink()
        _sync(self._file.parent)
        return Delivered(True, unwell)

    def _beside(self, name: str) -> Path:
        return self._file.with_name(f"{self._file.name}.{name}")

    def _read(self) -> str | None:
        try:
            return self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _write_new(self, text: str) -> None:
        with self._new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self._new.chmod(0o644)

    def _swap(self) -> None:
        """The last good one is kept, and stays that while another delivery was broken off."""
        if self._file.exists() and not self._mark.exists():
            self._last.unlink(missing_ok=True)
            os.link(self._file, self._last)
        self._mark.touch()
        _sync(self._file.parent)
        self._new.replace(self._file)
        _sync(self._file.parent)

    def _take_back(self) -> str:
        """What serves now, in words. Nothing is raised: the first error is the one to tell."""
        if not self._last.exists():
            return "there was none before; it is left in place"
        try:
            os.link(self._last, self._new)
            self._new.replace(self._file)
            self._new.unlink(missing_ok=True)  # renaming a file to its own twin does nothing
            self._server.take_over()
        except (ServerError, OSError) as error:
            return f"the configuration before it is back in place, and is not served: {error}"
        self._mark.unlink(missing_ok=True)
        return "the configuration before it is back, and serves"

    def _ask_all(self) -> Mapping[Probe, Answer]:
        return {probe: ask(probe) for probe in self._probes}

    def _compare(self, before: Mapping[Probe, Answer]) -> tuple[str, ...]:
        """The probes that are unwell, as they were before; raises DeliveryError where one is worse than it was."""
        after = {probe: _ask_patiently(probe, min(WELL, before[probe].worth)) for probe in before}
        worse = [
            f"{probe}: {answer.words}, before: {before[probe].words}"
            for probe, answer in after.items()
            if answer.worth < before[probe].worth
        ]
        if worse:
            raise DeliveryError("\n".join(worse))
        return tuple(f"{probe}: {answer.words}" for probe, answer in after.items() if answer.worth <= UNWELL)


def _ask_patiently(probe: Probe, enough: int) -> Answer:
    """Some times more where it is not enough: a service may hiccup just then."""
    for pause in _PAUSES:
        if (answer := ask(probe)).worth >= enough:
            return answer
        time.sleep(pause)
    return ask(probe)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

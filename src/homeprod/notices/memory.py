"""Memory: what each target was told, in a small file of whoever watches. No address is in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from homeprod.core.errors import HomeprodError, UsageError
from homeprod.core.overview.matter import Matter
from homeprod.drivers.wholefile import write_whole
from homeprod.notices.news import First, Known, Sight, Told, list_due, note_first

MOST_BYTES = 4 * 1024 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Told(_Part):
    source: str
    words: str
    names: tuple[str, ...] = ()


class _First(_Part):
    source: str
    at: float


class _Known(_Part):
    told: dict[str, _Told] = {}
    missed: dict[str, _Told] = {}


class Memory(_Part):
    """``first`` is when each matter was seen first. ``targets`` are by a digest, made with ``salt``."""

    format: Literal[1] = 1
    salt: str = Field(default_factory=lambda: secrets.token_hex(16))
    first: dict[str, _First] = {}
    targets: dict[str, _Known] = {}

    def note_first(self, sight: Sight) -> None:
        known = note_first({key: First(one.source, one.at) for key, one in self.first.items()}, sight)
        self.first = {key: _First(source=one.source, at=one.at) for key, one in known.items()}

    def list_due(self, sight: Sight) -> dict[str, Matter]:
        return list_due(sight, {key: First(one.source, one.at) for key, one in self.first.items()})

    def forget_but(self, digests: Iterable[str]) -> None:
        """Targets that are no more: one that comes again is told anew."""
        kept = set(digests)
        self.targets = {digest: known for digest, known in self.targets.items() if digest in kept}

    def find(self, digest: str) -> Known:
        known = self.targets.get(digest, _Known())
        return Known(_read(known.told), _read(known.missed))

    def note(self, digest: str, known: Known) -> None:
        self.targets[digest] = _Known(told=_write(known.told), missed=_write(known.missed))


def _read(told: Mapping[str, _Told]) -> dict[str, Told]:
    return {key: Told(one.source, one.words, one.names) for key, one in told.items()}


def _write(told: Mapping[str, Told]) -> dict[str, _Told]:
    return {key: _Told(**asdict(one)) for key, one in told.items()}


@contextlib.contextmanager
def hold(file: Path) -> Iterator[None]:
    """For this look alone. Raises HomeprodError where another one goes on, UsageError where nothing can be kept
    there."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file.with_name(f"{file.name}.lock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _explain(error, file) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        hint = "wait for its end; what it tells need not be told again"
        raise HomeprodError("another look for notices goes on", where=str(file), hint=hint) from error
    finally:
        os.close(descriptor)


def read_memory(file: Path) -> Memory:
    """An empty one where there is none. Raises HomeprodError where it is no memory: what was told is not guessed."""
    try:
        with file.open("rb") as stream:
            return Memory.model_validate_json(stream.read(MOST_BYTES))
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        raise _explain(error, file) from error
    except ValidationError:
        hint = f"take it away, and everything that needs a person is told once more\n\n  rm {file}"
        raise HomeprodError(
            "that is no memory of notices, or a later homeprod's", where=str(file), hint=hint
        ) from None


def write_memory(file: Path, memory: Memory) -> None:
    """Raises UsageError."""
    try:
        write_whole(file, memory.model_dump_json(), 0o600)
    except OSError as error:
        raise _explain(error, file) from error


def _explain(error: OSError, file: Path) -> UsageError:
    hint = "name another place\n\n  homeprod watch --memory FILE …"
    return UsageError(f"what was told cannot be kept there: {error.strerror}", where=str(file), hint=hint)

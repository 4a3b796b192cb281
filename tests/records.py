"""Records for tests: people with keys, entries, and what they signed."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.door import make_key, write_private, write_public

from homeprod.drivers.recordsigner import FileRecordSigner
from homeprod.promotion.notes import write_line
from homeprod.promotion.record import Clear, Emergency, Entry, Rollback, Trial, write_entry

NOW = 1_764_000_000.0
DAY = 86_400.0
COMMIT, OTHER = "a1" * 20, "b2" * 20
FIRST, SECOND = "1" * 64, "2" * 64
"""Digests."""


def make_trial(
    *,
    host: str = "prod-coder",
    digest: str = FIRST,
    is_green: bool = True,
    at: float = NOW - DAY,
    days: float = 14,
    revision: str = COMMIT,
    why: str = "",
    environment: str = "prod",
) -> Trial:
    return Trial(
        environment=environment,
        revision=revision,
        at=at,
        why=why,
        host=host,
        digest=digest,
        result="green" if is_green else "red",
        tried_on="lab-coder",
        place="lab",
        expires=at + days * DAY,
        version="0.1",
    )


def make_emergency(
    revision: str = COMMIT, *, at: float = NOW - DAY, digests: dict[str, str] | None = None
) -> Emergency:
    return Emergency(environment="prod", revision=revision, at=at, why="the site is down", digests=digests or {})


def make_rollback(
    bad: dict[str, str], *, revision: str = COMMIT, at: float = NOW - DAY, digests: dict[str, str] | None = None
) -> Rollback:
    return Rollback(
        environment="prod",
        revision=revision,
        at=at,
        why="it broke mail",
        left=OTHER,
        to="c3" * 20,
        bad=bad,
        digests=digests or {},
    )


def make_clear(*, host: str = "", digest: str = "", at: float = NOW, revision: str = COMMIT) -> Clear:
    return Clear(environment="prod", revision=revision, at=at, why="it is fixed", host=host, digest=digest)


class Person:
    """With an ed25519 key of their own."""

    def __init__(self, name: str, key: Ed25519PrivateKey | None = None) -> None:
        self.name, self.key = name, key or make_key()
        self.line = write_public(self.key)
        self.signer = FileRecordSigner(name, self.key)

    def write(self, entry: Entry) -> str:
        """The entry's line, signed."""
        return write_line(entry, self.signer.sign(write_entry(entry)))

    def keep_key(self, folder: Path) -> Path:
        """A file for ssh-keygen and ssh-add, its public half beside it."""
        file = folder / self.name
        file.write_bytes(write_private(self.key))
        file.chmod(0o600)
        file.with_suffix(".pub").write_text(f"{self.line}\n")
        return file

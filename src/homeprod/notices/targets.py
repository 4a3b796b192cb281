"""Targets: where notices go, from a file of whoever watches. An address holds a token, and is shown to nobody."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.core.errors import UsageError

MOST_TARGETS = 20
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """``url`` is Apprise's, whole. A target is called by the ``line`` of the file that it stands in."""

    line: int
    url: str = field(repr=False)

    @property
    def name(self) -> str:
        return f"line {self.line}"

    def make_digest(self, salt: str) -> str:
        """By which it is known again; nobody finds the address by it."""
        return hashlib.blake2b(self.url.encode(), key=bytes.fromhex(salt), digest_size=16).hexdigest()


def read_targets(file: Path) -> tuple[Target, ...]:
    """An address a line; ``#`` begins a comment. Raises UsageError, which shows nothing of what stands there."""
    lines = enumerate(_read_private(file).splitlines(), 1)
    found = [
        Target(number, text.strip()) for number, text in lines if text.strip() and not text.strip().startswith("#")
    ]
    for target in found:
        if "://" not in target.url or not target.url.isprintable():
            where, hint = f"{file}:{target.line}", "an address a line, as Apprise takes them: tgram://…, mailtos://…"
            raise UsageError("that is no address for notices", where=where, hint=hint)
    if not found or len(found) > MOST_TARGETS:
        words = "no address stands there" if not found else f"more than {MOST_TARGETS} addresses stand there"
        raise UsageError(words, where=str(file), hint="an address a line, as Apprise takes them")
    first: dict[str, Target] = {}
    for target in found:
        first.setdefault(target.url, target)
    return tuple(first.values())


def _read_private(file: Path) -> str:
    """As its owner alone may read it."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _require_private(os.fstat(descriptor), file)
            return os.read(descriptor, _MOST_BYTES).decode()
        finally:
            os.close(descriptor)
    except OSError as error:
        hint = "write the addresses into it, one a line\n\n  install -m 600 /dev/null FILE"
        raise UsageError(f"it cannot be read: {error.strerror}", where=str(file), hint=hint) from error
    except UnicodeDecodeError:
        raise UsageError("that is no text", where=str(file), hint="an address a line, in UTF-8") from None


def _require_private(facts: os.stat_result, file: Path) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise UsageError("that is no file", where=str(file), hint="name the file with the addresses")
    if facts.st_mode & 0o077 or facts.st_uid not in (0, os.geteuid()):
        hint = f"the addresses in it hold tokens; make it yours alone\n\n  chmod 600 {file}"
        raise UsageError("others can read it, or it is somebody else's", where=str(file), hint=hint)

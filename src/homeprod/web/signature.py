"""Who signed: the known keys are tried, and what was accepted once is not accepted again."""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from homeprod.control.settings import KeyOwner, NodeSettings
from homeprod.core.webhook import ID, SIGNATURE, TIMESTAMP, TOLERANCE, is_id, parse_signatures, signed_content

MOST_SIGNATURES = 4
"""Of a message, that are tried: a rotation needs two."""
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,10}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key signed."""

    person: str
    is_administrator: bool
    message_id: str


@dataclass(frozen=True, slots=True)
class _Key:
    public: Ed25519PublicKey
    person: str
    is_administrator: bool


class Keys:
    """The keys of one value of the settings; keys that are not ed25519 sign nothing here."""

    def __init__(self, settings: NodeSettings) -> None:
        found = {
            **{raw: _Key(key, who, False) for raw, key, who in _parse_keys(settings.ringers)},
            **{raw: _Key(key, who, True) for raw, key, who in _parse_keys(settings.administrator_keys)},
        }
        self._keys = tuple(found.values())

    def find_caller(self, message_id: str, content: bytes, signatures: Iterable[bytes]) -> Caller | None:
        for signature in signatures:
            for key in self._keys:
                try:
                    key.public.verify(signature, content)
                except InvalidSignature:
                    continue
                return Caller(key.person, key.is_administrator, message_id)
        return None


def _parse_keys(owners: Iterable[KeyOwner]) -> Iterable[tuple[bytes, Ed25519PublicKey, str]]:
    for owner in owners:
        words = owner.key.split()
        if len(words) >= 2 and (raw := read_ed25519(words[0], words[1])) is not None:
            yield raw, Ed25519PublicKey.from_public_bytes(raw), owner.person


_PREFIX = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"


def read_ed25519(kind: str, text: str) -> bytes | None:
    """The 32 bytes of an ed25519 public key as OpenSSH writes it (RFC 8709 §4); None for anything else."""
    if kind != "ssh-ed25519":
        return None
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    is_exact = len(blob) == 51 and blob.startswith(_PREFIX) and base64.b64encode(blob).decode() == text
    return blob[len(_PREFIX) :] if is_exact else None


class Guard:
    """Remembers ids for longer than their timestamps are good: one from the future, too."""

    def __init__(self, now: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._now, self._steady = now, steady
        self._seen: dict[str, float] = {}

    def is_timely(self, timestamp: int) -> bool:
        return abs(self._now() - timestamp) <= TOLERANCE

    def take(self, message_id: str) -> bool:
        """Whether it is the first time."""
        now = self._steady()
        while self._seen and (first := next(iter(self._seen.items())))[1] < now:
            del self._seen[first[0]]
        if message_id in self._seen:
            return False
        self._seen[message_id] = now + 2 * TOLERANCE + 1
        return True

    def forget(self, message_id: str) -> None:
        """It did not count, after all."""
        self._seen.pop(message_id, None)


class Checker:
    """Finds who signed a request, by the settings as they are now."""

    def __init__(self, settings: Callable[[], NodeSettings], guard: Guard) -> None:
        self._settings, self._guard = settings, guard
        self._known: tuple[NodeSettings, Keys] | None = None

    def find_caller(self, request: web.BaseRequest, body: bytes) -> Caller | None:
        """``body`` is what stands for it where another call than the ring is signed."""
        headers = request.headers
        values = [headers.getall(name, []) for name in (ID, TIMESTAMP, SIGNATURE)]
        if any(len(found) != 1 for found in values):
            return None
        message_id, timestamp, signature = (found[0] for found in values)
        if not is_id(message_id) or not _TIMESTAMP.fullmatch(timestamp):
            return None
        if not self._guard.is_timely(int(timestamp)):
            return None
        content = signed_content(message_id, int(timestamp), body)
        return self._find_keys().find_caller(message_id, content, parse_signatures(signature)[:MOST_SIGNATURES])

    def _find_keys(self) -> Keys:
        settings = self._settings()
        if self._known is None or self._known[0] is not settings:
            self._known = settings, Keys(settings)
        return self._known[1]

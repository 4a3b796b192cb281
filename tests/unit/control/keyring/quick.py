"""A keyring whose passphrases cost nothing, for tests of what is not scrypt's; and people with passphrases."""

from __future__ import annotations

import hashlib
from pathlib import Path

from homeprod.control.keyring.disk import Disk
from homeprod.control.keyring.hidden import Hidden
from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.secrets import Secrets, make_secrets

SEAN = b"sieben blaue katzen tanzen leise"
ANNA = "zwölf grüne Uhren gehen rückwärts".encode()
OTHER = b"kein einziger stuhl steht gerade heute"
PASSPHRASES = {"sean": SEAN, "anna": ANNA, "bob": OTHER}


class QuickWrapping:
    """Masks with SHAKE of the passphrase: tells passphrases apart as age does, at no cost, and protects nothing."""

    def wrap(self, identity: Hidden, passphrase: Hidden) -> bytes:
        data = identity.reveal().encode()
        return _mask(_tag(data) + data, passphrase)

    def unwrap(self, sealed: bytes, passphrase: Hidden) -> Hidden | None:
        plain = _mask(sealed, passphrase)
        return Hidden(plain[32:].decode()) if plain[:32] == _tag(plain[32:]) else None


def _tag(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _mask(data: bytes, passphrase: Hidden) -> bytes:
    stream = hashlib.shake_256(passphrase.reveal().encode()).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))


def quick_keyring(folder: Path, disk: Disk | None = None) -> Keyring:
    return Keyring(folder / "keyring", wrapping=QuickWrapping(), disk=disk)


def made_keyring(folder: Path) -> tuple[Keyring, Secrets, str]:
    """sean's, with the environments lab and prod; and its recovery identity."""
    keyring, secrets = quick_keyring(folder), make_secrets("lab-ansible", ["lab", "prod"])
    return keyring, secrets, keyring.create(secrets, "sean", SEAN)

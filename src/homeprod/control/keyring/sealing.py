"""What age does for the keyring: identities under passphrases, and the content sealed to recipients.

Source: the age format (C2SP, age-encryption.org/v1). Nothing here is a format of our own, so that `age -d` opens all
of it. A name is never bound to a secret in the clear, since a traceback with locals would show it; and what pyrage or
Python's codecs raise is dropped before anything is raised, since their exceptions hold what they stumbled over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import pyrage
from pyrage.x25519 import Identity, Recipient

from homeprod.control.keyring.hidden import Hidden
from homeprod.control.keyring.scrypt import choose_work, seal_with_passphrase
from homeprod.core.errors import ControlError


class Wrapping(Protocol):
    """How an identity lies under a passphrase."""

    def wrap(self, identity: Hidden, passphrase: Hidden) -> bytes:
        """The file to keep."""

    def unwrap(self, sealed: bytes, passphrase: Hidden) -> Hidden | None:
        """What was wrapped; None where the passphrase or the file is not the one. Raises ControlError where this
        machine cannot try it."""


class ScryptWrapping:
    """age's own way: scrypt, with work for about a second of this machine, and 256 MiB of memory at most."""

    def wrap(self, identity: Hidden, passphrase: Hidden) -> bytes:
        return seal_with_passphrase(identity, passphrase, choose_work())

    def unwrap(self, sealed: bytes, passphrase: Hidden) -> Hidden | None:
        try:
            return Hidden(pyrage.passphrase.decrypt(sealed, passphrase.reveal()).decode())
        except UnicodeDecodeError:
            return None
        except pyrage.DecryptError as error:
            is_too_much = str(error).startswith("Excessive work")
        if is_too_much:
            raise ControlError(
                "this machine is too slow, or too busy, for the work that opening this identity takes",
                hint="it was sealed on a faster one: try again when nothing else runs, or open it elsewhere",
            )
        return None


def describe_identity(identity: Identity, owner: str) -> Hidden:
    """An identity file as age-keygen writes it."""
    return Hidden(f"# {owner}\n# public key: {identity.to_public()}\n{identity}\n")


def parse_identity(text: Hidden) -> Identity | None:
    """From an identity file, or as a person copies it from paper: in small letters, or with spaces between."""
    lines = (line for line in text.reveal().splitlines() if not line.startswith("#"))
    try:
        return Identity.from_str("".join("".join(lines).split()).upper())
    except pyrage.IdentityError:
        return None


def make_identity() -> Identity:
    return Identity.generate()


def seal(text: Hidden, recipients: Iterable[str]) -> bytes:
    """For everybody among the recipients (``age1…``)."""
    return bytes(pyrage.encrypt(text.reveal().encode(), [Recipient.from_str(one) for one in recipients]))


def unseal(sealed: bytes, identity: Identity) -> Hidden | None:
    """None where the identity is not among the recipients, or the file is not what was sealed."""
    try:
        return Hidden(pyrage.decrypt(sealed, [identity]).decode())
    except (pyrage.DecryptError, UnicodeDecodeError):
        return None

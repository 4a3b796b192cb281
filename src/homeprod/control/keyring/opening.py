"""From the files of a keyring to its secrets, and what stands in the way where that fails.

age files are authenticated, so one that opens is whole; why one does not open is told by the checksum beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyrage.x25519 import Identity

from homeprod.control.keyring.content import parse_content
from homeprod.control.keyring.errors import WrongPassphraseError
from homeprod.control.keyring.files import (
    KEYRING,
    describe_damage,
    digest,
    explain_stranger,
    is_whole,
    list_people,
    name_identity,
)
from homeprod.control.keyring.hidden import Hidden
from homeprod.control.keyring.sealing import Wrapping, parse_identity, unseal
from homeprod.control.keyring.secrets import Secrets

_FORGOTTEN = "type it again; if it is lost, another administrator or the recovery identity still opens the keyring"


def open_identity(
    files: Mapping[str, bytes], person: str, passphrase: Hidden, wrapping: Wrapping, where: str
) -> Identity:
    """A person's identity. Raises WrongPassphraseError, DamagedKeyringError, or ControlError where nobody of that
    name is in it."""
    name = name_identity(person)
    if name not in files:
        raise explain_stranger(person, list_people(files))
    text = wrapping.unwrap(files[name], passphrase)
    identity = None if text is None else parse_identity(text)
    if identity is not None:
        return identity
    if text is not None or not is_whole(files, name):
        raise describe_damage(files, name, where)
    raise WrongPassphraseError(f"this is not the passphrase of {person}", hint=_FORGOTTEN)


def read_identity(text: Hidden) -> Identity:
    """A recovery identity as printed, or typed from paper. Raises WrongPassphraseError where it is none."""
    identity = parse_identity(text)
    if identity is None:
        raise WrongPassphraseError(
            "this is no recovery identity, or it is mistyped: its own checksum does not fit",
            hint="it begins with AGE-SECRET-KEY- and has 74 characters; 1, I and l, 0 and O are easily confused",
        )
    return identity


def open_content(files: Mapping[str, bytes], identity: Identity, where: str) -> Secrets:
    """Raises WrongPassphraseError for an identity that it is not sealed to, DamagedKeyringError or
    NewerKeyringError."""
    sealed = files.get(KEYRING)
    text = None if sealed is None else unseal(sealed, identity)
    if sealed is None or (text is None and not is_whole(files, KEYRING)):
        raise describe_damage(files, KEYRING, where)
    if text is None:
        raise WrongPassphraseError(
            "this identity does not open the keyring: it is not sealed to it",
            where=where,
            hint="it may be of another keyring, or of before a change; " + _FORGOTTEN,
        )
    return Secrets(parse_content(text), digest(sealed))

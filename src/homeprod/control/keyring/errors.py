"""What can be wrong with a keyring, told apart; nothing was changed by any of it. Imports nothing that holds secrets.

ControlError
├── WrongPassphraseError     the file is whole, and this passphrase (or identity) does not open it
├── UnfitPassphraseError     no passphrase at all, or none that would protect anything
├── DamagedKeyringError      a file is not what was written
└── NewerKeyringError        a later homeprod wrote it
"""

from __future__ import annotations

from homeprod.core.errors import ControlError


class WrongPassphraseError(ControlError):
    """The file is as it was written, so the passphrase or the identity is another."""


class UnfitPassphraseError(ControlError):
    """Empty, too weak, or not text."""


class DamagedKeyringError(ControlError):
    """A file of the keyring, or of a back-up, is cut short, altered or gone."""


class NewerKeyringError(ControlError):
    """Written by a later homeprod, in a form that this one does not know."""

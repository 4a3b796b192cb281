"""What the keyholder and its clients refuse with."""

from __future__ import annotations

from homeprod.core.errors import ControlError


class KeyholderError(ControlError):
    """The keyholder refused, or could not be asked. ``kind`` is the name of the error on its side
    (``WrongPassphraseError``); empty where it is one of this class."""

    def __init__(self, message: str, *, where: str = "", hint: str = "", kind: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.kind = kind


class AbsentKeyholderError(KeyholderError):
    """Nobody answers at its socket."""


class WireError(KeyholderError):
    """What came is no message of ours, or was cut off."""

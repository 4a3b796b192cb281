"""Text and bytes that no repr, message or traceback with locals shows."""

from __future__ import annotations

from typing import NoReturn


class Hidden:
    """Holds secret text; :meth:`reveal` alone gives it out. Never bind what it gives to a name: a traceback that
    shows locals would show it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__

    def __format__(self, _form: str) -> str:
        return "<hidden>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Covered(bytearray):
    """Bytes that came from outside, covered before anything is done with them that could fail."""

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__

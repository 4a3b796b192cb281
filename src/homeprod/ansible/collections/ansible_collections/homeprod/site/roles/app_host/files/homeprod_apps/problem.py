"""What goes wrong, in words for a person."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818  # the word that a person reads
    """``message`` in lower case without a full stop; ``hint`` says what to do, a command on a line of its own."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnreachedError(Problem):
    """Nothing is wrong here: a server does not answer, and is asked again."""

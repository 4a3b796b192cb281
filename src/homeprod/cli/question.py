"""Questions that a person answers by typing a word."""

from __future__ import annotations

import sys

from homeprod.cli import render
from homeprod.core.errors import DeclinedError


def ask(question: str, word: str, *, otherwise: str = "--yes") -> None:
    """Raises DeclinedError unless exactly ``word`` is typed. ``otherwise`` is the option that answers beforehand."""
    if not confirm(question, word, otherwise=otherwise):
        raise DeclinedError("declined; nothing was done")


def confirm(question: str, word: str = "yes", *, otherwise: str) -> bool:
    """Whether exactly ``word`` is typed. Raises DeclinedError where nobody is there to answer."""
    if not sys.stdin.isatty():
        raise DeclinedError(
            "nobody is there to answer; nothing was done", hint=f"run it in a terminal, or add {otherwise}"
        )
    try:
        answer = render.read_line(f"{question} [{word}/no] ")
    except KeyboardInterrupt:
        render.say("\nnothing was done")
        raise
    return answer.strip() in ({word, "y"} if word == "yes" else {word})

"""What a person should see to on a control node, and how much of it a stranger may hear."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.core.errors import HomeprodError


@dataclass(frozen=True, slots=True)
class Trouble:
    """``about`` is a few words of ours, for everybody: ``vault repository``. ``text`` names addresses, commits and
    keys, and is for people whose signature was good. ``since`` is seconds since 1970."""

    about: str
    text: str
    since: float


def name_subject(text: str, otherwise: str) -> str:
    """What is troubled, of a text that begins with its repository (:mod:`homeprod.control.repositories.errors`)."""
    plain = text.removeprefix("waiting: ")
    return next((name for name in ("playbook repository", "vault repository") if plain.startswith(name)), otherwise)


def name_cause(error: HomeprodError) -> str:
    """In one line, the cause before its place: lists are cut on the right."""
    return f"{error.message} ({error.where})" if error.where else error.message


def tell_trouble(error: HomeprodError) -> str:
    """The cause in the first line, and in those below what to do."""
    return f"{name_cause(error)}\n{error.hint}" if error.hint else name_cause(error)

"""What a person should see to on a control node, and how much of it a stranger may hear."""

from __future__ import annotations

from dataclasses import dataclass


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

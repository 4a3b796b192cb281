"""Who asks: an API token, or a user with a password. Secrets show in no repr and no message."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from homeprod.core.errors import UsageError

_TOKEN = re.compile(r"([^\s:/!=]+@[A-Za-z][A-Za-z0-9._-]+)!([A-Za-z][A-Za-z0-9._-]+)=([!-~]+)")
_FORM_HINT = (
    "a token is written USER@REALM!ID=SECRET, for example homeprod@pve!cli=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
)


class SecretText(str):
    """Text whose repr hides it, so that it stays out of tracebacks that show values."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'(hidden)'"


@dataclass(frozen=True, slots=True)
class Token:
    """An API token: ``user`` is ``USER@REALM``, ``name`` the token's id."""

    user: str
    name: str
    secret: SecretText = field(repr=False)

    def __str__(self) -> str:
        return f"{self.user}!{self.name}"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password, for a ticket of two hours. A token is the better choice for anything lasting."""

    user: str
    password: SecretText = field(repr=False)

    def __str__(self) -> str:
        return self.user


Credential = Token | Login


def parse_token(text: str) -> Token:
    """Read ``USER@REALM!ID=SECRET`` (with or without ``PVEAPIToken=`` before it); raises UsageError, whose message
    shows nothing of the text."""
    found = _TOKEN.fullmatch(text.strip().removeprefix("PVEAPIToken="))
    if found is None:
        raise UsageError(f"the API token is not of the right form: {_find_fault(text.strip())}", hint=_FORM_HINT)
    return Token(found[1], found[2], SecretText(found[3]))


def parse_login(user: str, password: str) -> Login:
    """A user ``USER@REALM`` with a password; raises UsageError, whose message shows nothing of the password."""
    if not re.fullmatch(r"[^\s:/!=@]+@[A-Za-z][A-Za-z0-9._-]+", user):
        said = "has no @REALM" if "@" not in user else "is not of the right form"
        raise UsageError(f"the user {user!r} {said}", hint="a user is written USER@REALM, for example root@pam")
    if not password:
        raise UsageError(f"the password of {user} is empty", hint="type it again, or see its file")
    return Login(user, SecretText(password))


def _find_fault(text: str) -> str:
    if not text:
        return "it is empty"
    if "!" not in text:
        return "there is no ! between user and token id"
    if "@" not in text.partition("!")[0]:
        return "the user has no @REALM"
    if "=" not in text.partition("!")[2]:
        return "there is no = between token id and secret"
    return "one of its parts is too short, or holds a character that it may not"

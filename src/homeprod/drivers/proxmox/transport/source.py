"""Where a token or password comes from: the environment, a file that its owner alone may read, or a person."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import UsageError
from homeprod.drivers.proxmox.transport.credential import Credential, parse_login, parse_token

TOKEN, USER = "HOMEPROD_TOKEN", "HOMEPROD_USER"
_MAKING = "homeprod doctor --role"
Ask = Callable[[str], str]
"""Prompts a person, without echo; empty where nothing was typed."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the site says: the file of a token; or a user who logs in, and the file of the password, if any."""

    token_file: Path | None = None
    user: str = ""
    password_file: Path | None = None

    def is_given(self, env: Mapping[str, str]) -> bool:
        """Whether it says who asks; files are not looked into."""
        return bool(env.get(TOKEN) or env.get(USER) or self.user) or (
            self.token_file is not None and self.token_file.expanduser().exists()
        )


def find_credential(env: Mapping[str, str], source: Source, ask: Ask | None) -> Credential:
    """``HOMEPROD_TOKEN``, else the user of ``HOMEPROD_USER``, else the site's token file, else the site's user, else
    a person who types a token. A password is never taken from the environment, where others may read it for as long
    as homeprod runs. Raises UsageError, which shows no secret."""
    if env.get(TOKEN):
        return parse_token(env[TOKEN])
    if env.get(USER):
        file = source.password_file if env[USER] == source.user else None
        return parse_login(env[USER], _find_password(env[USER], file, ask))
    if source.token_file is not None and source.token_file.expanduser().exists():
        return parse_token(read_secret_file(source.token_file.expanduser(), "token"))
    if source.user:
        return parse_login(source.user, _find_password(source.user, source.password_file, ask))
    if ask is not None:
        return parse_token(ask("API token (USER@REALM!ID=SECRET): "))
    where = str(source.token_file.expanduser()) if source.token_file is not None else ""
    place = f", or write it to the site's token file, {where} (mode 0600)" if where else ""
    raise UsageError(
        "no API token is given",
        where=where,
        hint=f"set {TOKEN}{place}; never on the command line. This prints the lines that make one:\n\n  {_MAKING}",
    )


def _find_password(user: str, file: Path | None, ask: Ask | None) -> str:
    if file is not None and (file := file.expanduser()).exists():
        return read_secret_file(file, "password")
    if ask is not None:
        return ask(f"password of {user}: ")
    raise UsageError(
        f"no password of {user} is given",
        where=str(file or ""),
        hint="run it at a terminal, which asks for it; or write it to the site's password file (mode 0600)",
    )


def read_secret_file(file: Path, what: str) -> str:
    """The token or password in a file that only its owner may read, without the line's end; raises UsageError."""
    try:
        with file.open() as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(
                    f"others may read the {what} file (mode {stat.S_IMODE(mode):04o})",
                    where=str(file),
                    hint=f"chmod 600 {file}",
                )
            return stream.read().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"cannot read the {what} file: {reason}", where=str(file)) from None

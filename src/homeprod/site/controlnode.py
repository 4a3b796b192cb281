"""ControlNode: what makes a machine the one that configures others."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from homeprod.site.declared import Declared
from homeprod.site.knownhosts import read_server
from homeprod.site.people import Person

_EXAMPLE = "ssh://git@git.example/playbooks.git"


class ControlNode(Declared):
    """``playbooks`` and ``vault`` are the SSH URLs of its two git repositories, which it clones with deploy keys of
    its own; ``git_host_keys`` known_hosts lines of their servers. ``administrators`` may bootstrap, unlock and lock
    it, and trust another host key; ``ringers`` may ring and ask besides them; commits of ``signers`` are believed (by
    default the administrators'). ``rekey`` says whether a known host that comes with another key waits for an
    administrator."""

    playbooks: str
    vault: str
    administrators: tuple[Person, ...] = Field(min_length=1)
    ringers: tuple[Person, ...] = ()
    signers: tuple[Person, ...] = ()
    git_host_keys: tuple[str, ...] = ()
    port: int = Field(default=9000, ge=1024, le=65535)
    rekey: Literal["ask", "allow"] = "ask"

    @field_validator("playbooks", "vault")
    @classmethod
    def _check_url(cls, url: str, info: ValidationInfo) -> str:
        """Not shown where it may hold a secret."""
        if re.search(r"://[^/@\s]*:[^/@\s]*@", url):
            raise ValueError("a URL with a password in it; the control node has a deploy key instead")
        if read_server(url) is not None:
            return url
        scheme, _, rest = url.rpartition("://")
        if not scheme or scheme == "ssh":
            raise ValueError(f"{url!r} is no URL of a git repository, such as {_EXAMPLE}")
        place = re.sub(r"^([^@/]*@)?([^:/]*)(:\d+)?", r"\2", rest) if scheme in ("http", "https") else ""
        meant = f"ssh://git@{place}" if read_server(f"ssh://git@{place}") else _EXAMPLE
        message = f"not over {scheme}: the control node clones over ssh alone, with a deploy key of its own"
        raise ValueError(message, f'write\n\n  {info.field_name}="{meant}"')

    @field_validator("git_host_keys")
    @classmethod
    def _check_host_keys(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            if not re.fullmatch(r"\S+ (ssh-\S+|ecdsa-\S+) [A-Za-z0-9+/]+=*( .*)?", line):
                raise ValueError(f"{line!r} is no line of known_hosts: a host name, then its public key")
        return lines

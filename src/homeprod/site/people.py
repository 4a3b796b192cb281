"""People: who may log in, by public key only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, field_validator

from homeprod.site.declared import Declared

USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
PUBLIC_KEY = re.compile(
    r"(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|ssh-rsa) [A-Za-z0-9+/]+=*( .*)?"
)
NODE_KEY = re.compile(r"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}( .*)?")
"""What a control node logs in with: the only kind that its keyring makes. 51 bytes, the first 19 always the same (RFC
8709, section 4)."""


class Person(Declared):
    """A user on machines: ``name`` as in useradd(8), public SSH keys, and whether sudo asks nothing of them."""

    hints: ClassVar[Mapping[str, str]] = {
        "keys": "write the line of their ~/.ssh/id_ed25519.pub, which `ssh-keygen -t ed25519` makes:\n\n"
        '  keys=("ssh-ed25519 AAAA… name@laptop",),'
    }
    name: str
    keys: tuple[str, ...] = Field(min_length=1)
    sudo: bool = True

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not USER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no user name: lower-case letters, digits, - and _, 32 at most")
        return name

    @field_validator("keys")
    @classmethod
    def _check_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if "PRIVATE KEY" in key:
                raise ValueError("that is a private key; only the public half belongs in a site")
            if not PUBLIC_KEY.fullmatch(key.strip()):
                raise ValueError("not a public SSH key (as in authorized_keys)")
        return keys


class ControlUser(Person):
    """The user that a control node logs in as. It has no keys of its own: those are the control node's for the
    machine's environment, as ``keys/NODE-ENVIRONMENT.pub`` in the site (`homeprod control publish` writes it)."""

    hints: ClassVar[Mapping[str, str]] = {}
    keys: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _refuse_root(cls, name: str) -> str:
        """It becomes root by sudo: sshd lets nobody in as root, once `homeprod.site.base` has been there."""
        if name == "root":
            message = "a control node logs in as a user of its own, and becomes root by sudo"
            raise ValueError(message, 'write\n\n  ControlUser(name="ansible")')
        return name

    @field_validator("keys")
    @classmethod
    def _refuse_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if keys:
            raise ValueError("a control user has no keys of its own; `homeprod control publish` writes them")
        return keys

"""The opened keyring, as the keyholder holds it; how secrets are made, and their public halves."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Iterable

from homeprod.control.keyring.content import (
    AUTHORITY,
    DEPLOY,
    DEPLOY_KEYS,
    SSH_KEY,
    VAULT_PASSWORD,
    Content,
    name_secrets,
    require,
)
from homeprod.control.keyring.errors import DamagedKeyringError
from homeprod.control.keyring.hidden import Hidden


class Secrets:
    """The opened keyring, for the keyholder to hold. A change of the keyring changes it too, once the disk has it."""

    __slots__ = ("content", "sealed_as")

    def __init__(self, content: Content, sealed_as: str = "") -> None:
        self.content = content
        self.sealed_as = sealed_as
        """The sha256 of the age file that it was read from, or written to; empty where there is none yet."""

    def __repr__(self) -> str:
        return f"<secrets of {self.node}, serial {self.serial}>"

    @property
    def node(self) -> str:
        return self.content.node

    @property
    def serial(self) -> int:
        """Rises by one with every change of the keyring."""
        return self.content.serial

    @property
    def environments(self) -> tuple[str, ...]:
        return self.content.environments

    def names(self) -> list[str]:
        """Of every secret: ``lab/ssh-key``, ``lab/vault-password``, ``deploy/playbooks``, ``lab/authority`` …"""
        return [*self.content.current, *(f"{name}/{AUTHORITY}" for name in self.content.authorities)]

    def pending(self) -> list[str]:
        """Names of those whose successor is made and not in force yet."""
        return list(self.content.next)

    def reveal(self, name: str) -> bytearray:
        """The secret in force, for the caller to overwrite when done. Raises ControlError for an unknown name."""
        environment, _, kind = name.rpartition("/")
        if kind == AUTHORITY and (kept := self.authority(environment)) is not None:
            return kept
        require(self.content, name)
        return bytearray(self.content.current[name].reveal().encode())

    def reveal_next(self, name: str) -> bytearray | None:
        """Its successor while a rotation goes on, else None."""
        value = self.content.next.get(name)
        return None if value is None else bytearray(value.reveal().encode())

    def ssh_keys(self, environment: str) -> list[bytearray]:
        """What the environment's ssh-agent is fed: the key in force, and its successor where there is one."""
        return self._both(f"{environment}/{SSH_KEY}")

    def deploy_keys(self) -> list[bytearray]:
        """What the agent ``deploy`` is fed."""
        return [key for name in DEPLOY_KEYS for key in self._both(f"{DEPLOY}/{name}")]

    def vault_password(self, environment: str) -> bytearray:
        """The one in force: during a rotation still the old one, since the vault repository has it."""
        return self.reveal(f"{environment}/{VAULT_PASSWORD}")

    def authority(self, environment: str) -> bytearray | None:
        """Key, issuer and root, as :meth:`homeprod.network.certificates.authority.Authority.parse` reads them; None
        where the environment has none."""
        value = self.content.authorities.get(environment)
        return None if value is None else bytearray(value.reveal().encode())

    def _both(self, name: str) -> list[bytearray]:
        after = self.reveal_next(name)
        return [self.reveal(name), *([] if after is None else [after])]


def make_secrets(node: str, environments: Iterable[str]) -> Secrets:
    """New ones for each environment, and the deploy keys of the two repositories."""
    names = tuple(environments)
    current = {name: make_secret(name) for name in name_secrets(names)}
    return Secrets(Content(node=node, serial=0, environments=names, current=current))


def make_secret(name: str) -> Hidden:
    """A new one of the kind that its name says."""
    if name.endswith(f"/{VAULT_PASSWORD}"):
        return Hidden(randomness.token_urlsafe(32))
    from cryptography.hazmat.primitives import serialization as form  # only here: 15 MB that a keyholder can spare
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    return Hidden(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()).decode())


def public_keys(secrets: Secrets) -> dict[str, str]:
    """``ansible-lab``, ``deploy-playbooks``, ``deploy-vault`` → a line for authorized_keys; a successor during a
    rotation as ``ansible-lab.next``. Raises DamagedKeyringError where one is no SSH key."""
    found = {}
    for values, end in ((secrets.content.current, ""), (secrets.content.next, ".next")):
        for name, value in values.items():
            group, _, kind = name.partition("/")
            if kind != VAULT_PASSWORD:
                title = f"{DEPLOY}-{kind}" if group == DEPLOY and kind in DEPLOY_KEYS else f"ansible-{group}"
                comment = title if title.startswith(DEPLOY) else group
                public = _derive_public(value)
                if public is None:
                    raise DamagedKeyringError(f"{name} is no SSH key", hint="restore a back-up, or rotate it")
                found[title + end] = f"{public} {secrets.node}-{comment}"
    return found


def _derive_public(key: Hidden) -> str | None:
    """None where it is none: what cryptography raises holds the key, in its frames' locals, and is dropped."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form

    try:
        public = form.load_ssh_private_key(key.reveal().encode(), password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()

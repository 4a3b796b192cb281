"""What the keyring holds, opened; and how it is written inside the age file.

    {"version": 1, "node": "lab-ansible", "serial": 7,
     "environments": {"lab": {"ssh_key": "<OpenSSH private key>", "vault_password": "…"}},
     "deploy": {"playbooks": "<OpenSSH private key>", "vault": "<OpenSSH private key>"},
     "next": {"lab/vault-password": "…"},
     "recipients": {"sean": "age1…"}, "recovery": "age1…"}

``recipients`` and ``recovery`` stand inside as well as beside it: whoever can write to the disk while it is sealed
could else add a recipient of their own, and be given everything at the next change.
"""

from __future__ import annotations

import json
import secrets as randomness
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from homeprod.control.keyring.errors import DamagedKeyringError, NewerKeyringError
from homeprod.control.keyring.hidden import Hidden
from homeprod.core.errors import ControlError

VERSION = 1
SSH_KEY, VAULT_PASSWORD, DEPLOY = "ssh-key", "vault-password", "deploy"
DEPLOY_KEYS = ("playbooks", "vault")


@dataclass(frozen=True, slots=True)
class Content:
    """One state of the keyring. ``current`` and ``next`` map names as of :func:`name_secrets`;
    ``recipients`` maps administrators to their age recipients; ``recovery`` is the recovery identity's recipient."""

    node: str
    serial: int
    environments: tuple[str, ...]
    current: Mapping[str, Hidden] = field(repr=False)
    next: Mapping[str, Hidden] = field(default_factory=dict, repr=False)
    recipients: Mapping[str, str] = field(default_factory=dict)
    recovery: str = ""

    def render(self) -> Hidden:
        """As it stands inside the age file."""
        return Hidden(
            json.dumps(
                {
                    "version": VERSION,
                    "node": self.node,
                    "serial": self.serial,
                    "environments": {
                        name: {
                            "ssh_key": self.current[f"{name}/{SSH_KEY}"].reveal(),
                            "vault_password": self.current[f"{name}/{VAULT_PASSWORD}"].reveal(),
                        }
                        for name in self.environments
                    },
                    "deploy": {name: self.current[f"{DEPLOY}/{name}"].reveal() for name in DEPLOY_KEYS},
                    "next": {name: value.reveal() for name, value in self.next.items()},
                    "recipients": dict(self.recipients),
                    "recovery": self.recovery,
                }
            )
        )


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
        """Of every secret: ``lab/ssh-key``, ``lab/vault-password``, ``deploy/playbooks`` …"""
        return list(self.content.current)

    def pending(self) -> list[str]:
        """Names of those whose successor is made and not in force yet."""
        return list(self.content.next)

    def require(self, name: str) -> None:
        """Raises ControlError where there is no secret of this name."""
        if name not in self.content.current:
            raise ControlError(f"the keyring has no secret {name}", hint=f"it has {', '.join(self.content.current)}")

    def reveal(self, name: str) -> bytearray:
        """The secret in force, for the caller to overwrite when done. Raises ControlError for an unknown name."""
        self.require(name)
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

    def _both(self, name: str) -> list[bytearray]:
        after = self.reveal_next(name)
        return [self.reveal(name), *([] if after is None else [after])]


def name_secrets(environments: Iterable[str]) -> list[str]:
    """Names of all that a keyring of these environments holds, in a fixed order."""
    of_environments = [f"{name}/{kind}" for name in environments for kind in (SSH_KEY, VAULT_PASSWORD)]
    return [*of_environments, *(f"{DEPLOY}/{name}" for name in DEPLOY_KEYS)]


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
    rotation as ``ansible-lab.next``."""
    found = {}
    for values, end in ((secrets.content.current, ""), (secrets.content.next, ".next")):
        for name, value in values.items():
            group, _, kind = name.partition("/")
            if kind != VAULT_PASSWORD:
                title = f"{DEPLOY}-{kind}" if group == DEPLOY and kind in DEPLOY_KEYS else f"ansible-{group}"
                comment = title if title.startswith(DEPLOY) else group
                found[title + end] = f"{_derive_public(value)} {secrets.node}-{comment}"
    return found


def _derive_public(key: Hidden) -> str:
    from cryptography.hazmat.primitives import serialization as form

    public = form.load_ssh_private_key(key.reveal().encode(), password=None).public_key()
    return public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


def parse_content(text: Hidden) -> Content:
    """Raises NewerKeyringError, or DamagedKeyringError where it is not what :meth:`Content.render` writes."""
    form = _load(text)
    if form is None:
        raise DamagedKeyringError("what the keyring holds is no keyring", hint=_NOT_OURS)
    version = form.values.get("version")
    if isinstance(version, int) and version > VERSION:
        raise NewerKeyringError(
            f"the keyring is of version {version}, and this homeprod knows {VERSION}",
            hint="a later homeprod wrote it; install that one, or restore a back-up from before",
        )
    content = form.read() if version == VERSION else None
    if content is None:
        raise DamagedKeyringError("what the keyring holds is not complete", hint=_NOT_OURS)
    return content


_NOT_OURS = "it was sealed by something other than homeprod; restore a back-up"


class _Form:
    """Parsed JSON, which a traceback does not show."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __repr__(self) -> str:
        return "<hidden>"

    def read(self) -> Content | None:
        try:
            return self._take()
        except (KeyError, TypeError, AttributeError):
            return None

    def _take(self) -> Content:
        names = tuple(self.values["environments"])
        keys = {SSH_KEY: "ssh_key", VAULT_PASSWORD: "vault_password"}
        current = {
            f"{name}/{kind}": _hide(self.values["environments"][name][key])
            for name in names
            for kind, key in keys.items()
        }
        current |= {f"{DEPLOY}/{name}": _hide(self.values["deploy"][name]) for name in DEPLOY_KEYS}
        following = {name: _hide(self.values["next"][name]) for name in self.values["next"] if name in current}
        return Content(
            node=str(self.values["node"]),
            serial=int(self.values["serial"]),
            environments=names,
            current=current,
            next=following,
            recipients={str(name): str(key) for name, key in self.values["recipients"].items()},
            recovery=str(self.values["recovery"]),
        )


def _load(text: Hidden) -> _Form | None:
    try:
        form = _Form(json.loads(text.reveal()))
    except (ValueError, RecursionError):
        return None
    return form if isinstance(form.values, dict) else None


def _hide(value: object) -> Hidden:
    if not isinstance(value, str):
        raise TypeError("not text")
    return Hidden(value)


def follow(content: Content, **changes: Any) -> Content:
    """The next state: with the changes, and a serial that is one higher."""
    return replace(content, serial=content.serial + 1, **changes)

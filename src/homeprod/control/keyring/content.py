"""What stands inside the age file, and what it is once read.

    {"version": 2, "node": "lab-ansible", "serial": 7,
     "environments": {"lab": {"ssh_key": "<OpenSSH private key>", "vault_password": "…",
                              "authority": "<key, issuer and root, PEM>"}},
     "deploy": {"playbooks": "<OpenSSH private key>", "vault": "<OpenSSH private key>"},
     "next": {"lab/vault-password": "…"},
     "recipients": {"sean": "age1…"}, "recovery": "age1…"}

``recipients`` and ``recovery`` stand inside as well as beside it: whoever can write to the disk while it is sealed
could else add a recipient of their own, and be given everything at the next change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from homeprod.control.keyring.errors import DamagedKeyringError, NewerKeyringError
from homeprod.control.keyring.hidden import Hidden
from homeprod.core.errors import ControlError


def _allow_authorities(form: dict[str, Any]) -> dict[str, Any]:
    """From version 2 on an environment may have an authority; a homeprod that knows none would lose it."""
    return form


UPGRADES: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (_allow_authorities,)
"""What each version became with the next: the first takes version 1 to 2. One that was released is never edited."""
SSH_KEY, VAULT_PASSWORD, DEPLOY, AUTHORITY = "ssh-key", "vault-password", "deploy", "authority"
DEPLOY_KEYS = ("playbooks", "vault")


def find_version() -> int:
    """That is written; what was written by an earlier homeprod is read too."""
    return len(UPGRADES) + 1


@dataclass(frozen=True, slots=True)
class Content:
    """One state of the keyring. ``current`` and ``next`` map names as of :func:`name_secrets`;
    ``recipients`` maps administrators to their age recipients; ``recovery`` is the recovery identity's recipient;
    ``authorities`` maps environments to the one that signs for their names that are not public."""

    node: str
    serial: int
    environments: tuple[str, ...]
    current: Mapping[str, Hidden] = field(repr=False)
    next: Mapping[str, Hidden] = field(default_factory=dict, repr=False)
    recipients: Mapping[str, str] = field(default_factory=dict)
    recovery: str = ""
    authorities: Mapping[str, Hidden] = field(default_factory=dict, repr=False)

    def render(self) -> Hidden:
        """As it stands inside the age file."""
        return Hidden(
            json.dumps(
                {
                    "version": find_version(),
                    "node": self.node,
                    "serial": self.serial,
                    "environments": {
                        name: {
                            "ssh_key": self.current[f"{name}/{SSH_KEY}"].reveal(),
                            "vault_password": self.current[f"{name}/{VAULT_PASSWORD}"].reveal(),
                            **({AUTHORITY: self.authorities[name].reveal()} if name in self.authorities else {}),
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


def require(content: Content, name: str) -> None:
    """Raises ControlError where there is no secret of this name."""
    if name not in content.current:
        raise ControlError(f"the keyring has no secret {name}", hint=f"it has {', '.join(content.current)}")


def name_secrets(environments: Iterable[str]) -> list[str]:
    """Names of all that a keyring of these environments holds, in a fixed order."""
    of_environments = [f"{name}/{kind}" for name in environments for kind in (SSH_KEY, VAULT_PASSWORD)]
    return [*of_environments, *(f"{DEPLOY}/{name}" for name in DEPLOY_KEYS)]


def parse_content(text: Hidden) -> Content:
    """Raises NewerKeyringError, or DamagedKeyringError where it is not what :meth:`Content.render` writes."""
    form = _load(text)
    if form is None:
        raise DamagedKeyringError("what the keyring holds is no keyring", hint=_NOT_OURS)
    version = form.values.get("version")
    if is_newer(version):
        raise describe_newer(version)
    content = form.read() if isinstance(version, int) and version > 0 else None
    if content is None:
        raise DamagedKeyringError("what the keyring holds is not complete", hint=_NOT_OURS)
    return content


def is_newer(version: object) -> bool:
    return isinstance(version, int) and version > find_version()


def describe_newer(version: object, where: str = "") -> NewerKeyringError:
    return NewerKeyringError(
        f"the keyring is of version {version}, and this homeprod knows {find_version()}",
        where=where,
        hint="a later homeprod wrote it; install that one, or restore a back-up from before",
    )


_NOT_OURS = "it was sealed by something other than homeprod; restore a back-up"


class _Form:
    """Parsed JSON, which a traceback does not show; of whatever version, read as the newest."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __repr__(self) -> str:
        return "<hidden>"

    def read(self) -> Content | None:
        try:
            for upgrade in UPGRADES[self.values["version"] - 1 :]:
                self.values = upgrade(self.values)
            return self._take()
        except (KeyError, TypeError, AttributeError, ValueError):
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
            authorities={
                name: _hide(one[AUTHORITY]) for name, one in self.values["environments"].items() if AUTHORITY in one
            },
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

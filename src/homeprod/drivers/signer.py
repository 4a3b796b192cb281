"""Who signs a ring: a person's own ed25519 key, in their ssh-agent or in a key file outside the site.

Nothing that is signed here can be taken for something else that SSH signs: every message begins with its id,
``msg_…``, while what a login signs begins with a length (RFC 4252 §7: those four letters would be 1.8 GB) and what
``ssh-keygen -Y`` signs begins with ``SSHSIG``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from homeprod.core.errors import UsageError
from homeprod.core.webhook import is_message
from homeprod.drivers.sshagent import ED25519, SshAgent, has_agent

_MAKE = "make an ed25519 key, and put its public half into the site with the person's others\n\n"
_MAKE += "  ssh-keygen -t ed25519"
_SHOW = "load one of them\n\n  ssh-add ~/.ssh/id_ed25519\n\nor name its file, of mode 0600 and outside the site, in"
_SHOW += " HOMEPROD_RING_KEY"
_START = (
    "start an agent, and load one of them\n\n" + '  eval "$(ssh-agent)"' + _SHOW.removeprefix("load one of them\n")
)

_PKCS8 = re.compile(rb"\s*-----BEGIN (ENCRYPTED )?PRIVATE KEY-----")
"""As openssl writes it (RFC 7468 §10 and §11)."""
_PUBLIC = re.compile(rb"\s*(ssh-|ecdsa-|sk-(ssh|ecdsa)-|-----BEGIN PUBLIC KEY|---- BEGIN SSH2 PUBLIC KEY)")
"""As OpenSSH writes it, or exports it (RFC 4716, RFC 7468 §13)."""


class Signer(Protocol):
    @property
    def person(self) -> str:
        """Whose key it is."""

    def sign(self, content: bytes) -> bytes:
        """64 bytes. Raises UsageError where the key cannot be used, ValueError for what is no message of ours."""


@dataclass(frozen=True, slots=True)
class AgentSigner:
    person: str
    agent: SshAgent
    blob: bytes

    def sign(self, content: bytes) -> bytes:
        return self.agent.sign(self.blob, _require_message(content))


@dataclass(frozen=True, slots=True)
class FileSigner:
    person: str
    key: Ed25519PrivateKey = field(repr=False)

    def sign(self, content: bytes) -> bytes:
        return self.key.sign(_require_message(content))


def open_signer(keys: Mapping[str, str], files: Sequence[Path], agent: str, *, outside: Path) -> Signer:
    """The first of ``keys`` (a public key's line to its person) that the agent holds, or that one of ``files`` is.
    ``agent`` is SSH_AUTH_SOCK, or empty; no file may lie below ``outside``, the site. Raises UsageError."""
    people = {blob: person for line, person in keys.items() if (blob := _read_blob(line)) is not None}
    if not people:
        only = ", ".join(sorted({line.split(" ")[0] for line in keys})) or "none"
        message = f"nobody of the site has an ed25519 key to ring with (their keys: {only})"
        raise UsageError(message, hint=_MAKE)
    seen: list[str] = []
    if agent and has_agent(agent):
        held = SshAgent(agent)
        blobs = held.list_keys()
        for blob in blobs:
            if blob in people:
                return AgentSigner(people[blob], held, blob)
        seen.append(f"the ssh-agent holds {count_kinds(blobs)}")
    for file in files:
        if (key := load_key(file, outside)) is not None:
            public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
            if (person := people.get(_read_blob(public) or b"")) is not None:
                return FileSigner(person, key)
        seen.append(f"{file} is {'another key' if key is not None else 'not there'}")
    tried = "; ".join(seen) or "there is neither an ssh-agent nor a key file"
    people_words = ", ".join(sorted(set(people.values())))
    message = f"no key to ring with: {tried}; those that may ring are ed25519 keys of {people_words}"
    raise UsageError(message, hint=_SHOW if seen else _START)


def _require_message(content: bytes) -> bytes:
    if not is_message(content):
        raise ValueError("only messages are signed")
    return content


def _read_blob(line: str) -> bytes | None:
    """Of an ed25519 key; None for another."""
    words = line.split()
    if len(words) < 2 or words[0].encode() != ED25519:
        return None
    try:
        return base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return None


def count_kinds(blobs: Sequence[bytes]) -> str:
    kinds = [blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode(errors="replace") for blob in blobs]
    counts = [f"{kinds.count(kind)} other {kind} key{'s' * (kinds.count(kind) != 1)}" for kind in sorted(set(kinds))]
    return " and ".join(counts) or "no key"


def load_key(file: Path, outside: Path) -> Ed25519PrivateKey | None:
    """None where there is no such file. Raises UsageError for one that must not or cannot be used."""
    try:
        mode = file.stat().st_mode
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refuse(file, f"cannot be read: {error.strerror}", "name another one in HOMEPROD_RING_KEY") from error
    _require_private(file, content)
    if mode & 0o077:
        raise _refuse(file, "can be read by others", f"keep it to yourself\n\n  chmod 600 {file}")
    if file.resolve().is_relative_to(outside.resolve()):
        raise _refuse(file, "lies in the site, which git keeps and others read", "keep it elsewhere, as ~/.ssh")
    return _parse(file, content)


def _require_private(file: Path, content: bytes) -> None:
    """Before anybody is told to keep it to themselves."""
    if _PUBLIC.match(content):
        private = file.with_suffix("") if file.suffix == ".pub" else "FILE"
        raise _refuse(
            file, "is the public half of a key", f"name the private half\n\n  export HOMEPROD_RING_KEY={private}"
        )
    if b"PRIVATE KEY-----" not in content:
        raise _refuse(file, "is no private key as OpenSSH or openssl writes one", _MAKE)


def _parse(file: Path, content: bytes) -> Ed25519PrivateKey:
    load = load_pem_private_key if _PKCS8.match(content) else load_ssh_private_key
    try:
        key = load(content, password=None)
    except TypeError as error:  # it is encrypted; an agent is the place to type a passphrase once
        hint = f"load it into the ssh-agent, which asks for the passphrase\n\n  ssh-add {file}"
        raise _refuse(file, "is protected by a passphrase", hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refuse(file, "is no private key as OpenSSH or openssl writes one", _MAKE) from error
    if not isinstance(key, Ed25519PrivateKey):
        kind = type(key).__name__.lstrip("_").removesuffix("PrivateKey")
        raise _refuse(file, f"is of the kind {kind}, and rings are signed with ed25519 keys", _MAKE)
    return key


def _refuse(file: Path, reason: str, hint: str) -> UsageError:
    return UsageError(f"the key file {reason}", where=str(file), hint=hint)

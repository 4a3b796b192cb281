"""Who signs a record: a person whose commits the control node believes, with the key that they sign those with."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from homeprod.core.errors import UsageError
from homeprod.drivers.signer import count_kinds, load_key
from homeprod.drivers.sshagent import ED25519, SshAgent, has_agent
from homeprod.promotion.record import NAMESPACE
from homeprod.promotion.sshsig import content_to_sign, read_blob, wrap_ed25519

KEY_VARIABLE = "HOMEPROD_RING_KEY"
_SHOW = (
    "load one of them\n\n  ssh-add ~/.ssh/id_ed25519\n\n"
    f"or name its file, of mode 0600 and outside the site, in {KEY_VARIABLE}"
)
_SECONDS = 120
"""For an answer of ssh-keygen: a security key waits for a touch."""


class RecordSigner(Protocol):
    @property
    def person(self) -> str:
        """Whose key it is."""

    def sign(self, content: bytes) -> str:
        """SSHSIG's armour, for records alone. Raises UsageError where the key cannot be used."""


@dataclass(frozen=True, slots=True)
class FileRecordSigner:
    person: str
    key: Ed25519PrivateKey = field(repr=False)

    def sign(self, content: bytes) -> str:
        blob = _name_blob(self.key)
        return wrap_ed25519(blob, self.key.sign(content_to_sign(content, NAMESPACE)), NAMESPACE)


@dataclass(frozen=True, slots=True)
class AgentRecordSigner:
    """``line`` is the public key that the agent at ``agent`` holds the private half of, of any kind."""

    person: str
    agent: str
    line: str

    def sign(self, content: bytes) -> str:
        blob = read_blob(self.line) or b""
        if self.line.split()[0].encode() == ED25519:
            raw = SshAgent(self.agent).sign(blob, content_to_sign(content, NAMESPACE))
            return wrap_ed25519(blob, raw, NAMESPACE)
        return _sign_by_program(self.agent, self.line, content)


def open_record_signer(
    people: Mapping[str, Sequence[str]],
    env: Mapping[str, str] = os.environ,
    *,
    outside: Path,
    files: Sequence[Path] = (),
) -> RecordSigner:
    """The first of the ``people``'s public keys that the file named by ``HOMEPROD_RING_KEY`` is, or one of ``files``;
    where none is named, that the ssh-agent holds. No file may lie below ``outside``, the site. Raises UsageError."""
    keys = {blob: (person, line) for person, lines in people.items() for line in lines if (blob := read_blob(line))}
    if not keys:
        hint = "name people in signers= of the control node, or give its administrators keys"
        raise UsageError("nobody of the site has a key to sign records with", hint=hint)
    seen: list[str] = []
    chosen = [Path(env[KEY_VARIABLE])] if env.get(KEY_VARIABLE) else list(files)
    for file in chosen:
        key = load_key(file, outside)
        if key is not None and (known := keys.get(_name_blob(key))) is not None:
            return FileRecordSigner(known[0], key)
        seen.append(f"{file} is {'another key' if key is not None else 'not there'}")
    agent = "" if chosen else env.get("SSH_AUTH_SOCK", "")  # what is named goes before what happens to be loaded
    if agent and has_agent(agent):
        blobs = SshAgent(agent).list_keys()
        for blob in blobs:
            if blob in keys:
                return AgentRecordSigner(keys[blob][0], agent, keys[blob][1])
        seen.append(f"the ssh-agent holds {count_kinds(blobs)}")
    tried = "; ".join(seen) or "there is neither an ssh-agent nor a key file"
    whose = ", ".join(sorted({person for person, _ in keys.values()}))
    raise UsageError(f"no key to sign a record with: {tried}; records are believed of {whose}", hint=_SHOW)


def _name_blob(key: Ed25519PrivateKey) -> bytes:
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return read_blob(public) or b""


def _sign_by_program(agent: str, line: str, content: bytes) -> str:
    """RSA's, ECDSA's and security keys' forms are ssh-keygen's business. Source: ssh-keygen(1), ``-Y sign``:
    where the file is a public key, the agent signs."""
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:
        file.write(f"{line}\n")
        file.flush()
        argv = ("ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", file.name)
        try:
            done = subprocess.run(
                argv, input=content, capture_output=True, timeout=_SECONDS, env={**os.environ, "SSH_AUTH_SOCK": agent}
            )
        except FileNotFoundError:
            raise UsageError(
                "ssh-keygen is not installed", hint="install it:\n\n  sudo apt install openssh-client"
            ) from None
        except subprocess.TimeoutExpired:
            raise UsageError(
                "the key did not sign in time", hint="a security key waits for a touch; try again"
            ) from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"the key does not sign: {''.join(said[-1:])[:200]}", hint=_SHOW)
    return done.stdout.decode()

"""A person's ssh-agent: which ed25519 keys it holds, and raw signatures by them.

Source: draft-ietf-sshm-ssh-agent (messages, numbers) and RFC 8709 (an ed25519 key and signature as SSH writes them).
"""

from __future__ import annotations

import contextlib
import socket
import struct

from homeprod.core.errors import UsageError
from homeprod.core.sshwire import read_strings, write_string

ED25519 = b"ssh-ed25519"
SECONDS = 60
"""For an answer: an agent may ask its person (``ssh-add -c``), or a security key for a touch."""
_REQUEST_IDENTITIES, _IDENTITIES_ANSWER = 11, 12
_SIGN_REQUEST, _SIGN_RESPONSE = 13, 14
_LONGEST = 256 * 1024
"""Bytes of an answer (MAX_AGENT_REPLY_LEN of OpenSSH)."""


class SshAgent:
    """``where`` is SSH_AUTH_SOCK: a path. Every question is a connection of its own, as an agent that a person is
    asked by may answer late."""

    def __init__(self, where: str) -> None:
        self._where = where

    def list_keys(self) -> list[bytes]:
        """Each key's blob, of any kind. Raises UsageError where no agent answers."""
        answer = self._ask(bytes([_REQUEST_IDENTITIES]), _IDENTITIES_ANSWER)
        try:
            return list(read_strings(answer[4:]))[::2]  # behind their number each key has a comment
        except struct.error as error:
            raise self._refuse("it does not speak the agent's protocol") from error

    def sign(self, blob: bytes, content: bytes) -> bytes:
        """64 bytes. Raises UsageError where the agent will not."""
        request = bytes([_SIGN_REQUEST]) + write_string(blob) + write_string(content) + struct.pack(">I", 0)
        answer = self._ask(request, _SIGN_RESPONSE)
        try:
            kind, signature = read_strings(next(read_strings(answer)))
        except (struct.error, StopIteration, ValueError) as error:
            raise self._refuse("its signature is not as SSH writes one") from error
        if kind != ED25519 or len(signature) != 64:
            raise self._refuse("its signature is no ed25519 one")
        return signature

    def _ask(self, request: bytes, expected: int) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(SECONDS)
                line.connect(self._where)
                line.sendall(write_string(request))
                (length,) = struct.unpack(">I", _receive(line, 4))
                answer = _receive(line, min(length, _LONGEST))
        except (OSError, struct.error) as error:
            raise self._refuse(getattr(error, "strerror", None) or str(error) or "it does not answer") from error
        if answer[:1] != bytes([expected]):
            raise self._refuse("it refused, as it does where it is locked or its person says no")
        return answer[1:]

    def _refuse(self, reason: str) -> UsageError:
        hint = "see which keys it holds\n\n  ssh-add -l\n\nor name a key file in HOMEPROD_RING_KEY"
        return UsageError(f"the ssh-agent cannot be used: {reason}", where=self._where, hint=hint)


def _receive(line: socket.socket, length: int) -> bytes:
    parts = b""
    while len(parts) < length:
        part = line.recv(length - len(parts))
        if not part:
            raise OSError("it hung up")
        parts += part
    return parts


def has_agent(where: str) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(SECONDS)
        line.connect(where)
        return True
    return False

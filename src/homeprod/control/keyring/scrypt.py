"""Seals an identity under a passphrase, as an age file, with a bounded amount of work.

pyrage does the same, and chooses the work by how fast this machine does a small piece of it: on a fast one 1 GiB of
memory and two seconds, more than a small control node has. Its functions take no bound, so the file is written here,
for sealing alone; pyrage opens it, and so does age.

Source: the age format (C2SP, age-encryption.org/v1): "scrypt recipient stanza", "Header", "Payload". An identity is
far shorter than one chunk of the payload (64 KiB), so there is one, the last.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as randomness
import time

from homeprod.control.keyring.hidden import Covered, Hidden

LEAST_WORK, MOST_WORK = 14, 18
"""Of log2(N). The most is what the age program always takes: 256 MiB, and about a second. The least holds where the
machine is slow, as an emulated one is: an attacker's is not."""
SECOND = 1.0
_LABEL = b"age-encryption.org/v1/scrypt"
_INTRODUCTION = b"age-encryption.org/v1\n"


def seal_with_passphrase(text: Hidden, passphrase: Hidden, work: int) -> bytes:
    """An age file that the passphrase opens."""
    file_key, salt = Covered(randomness.token_bytes(16)), randomness.token_bytes(16)
    wrapped = _encrypt(_stretch(passphrase, _LABEL + salt, work), bytes(12), file_key)
    header = _INTRODUCTION + b"-> scrypt %b %d\n%b\n---" % (_encode(salt), work, _encode(wrapped))
    mac = hmac.digest(_derive(file_key, b"", b"header"), header, "sha256")
    nonce = randomness.token_bytes(16)
    chunk = _encrypt(_derive(file_key, nonce, b"payload"), bytes(11) + b"\x01", Covered(text.reveal().encode()))
    return header + b" " + _encode(mac) + b"\n" + nonce + chunk


def choose_work() -> int:
    """About a second's on this machine, within the bounds. Measured in processor time, since a busy machine is not a
    slow one."""
    began = time.thread_time()
    _stretch(Hidden(""), _LABEL, LEAST_WORK)
    took, work = time.thread_time() - began, LEAST_WORK
    while took * 2 <= SECOND and work < MOST_WORK:
        took, work = took * 2, work + 1
    return work


def _stretch(passphrase: Hidden, salt: bytes, work: int) -> Covered:
    room = (1 << work) * 1024 + (1 << 20)
    return Covered(
        hashlib.scrypt(passphrase.reveal().encode(), salt=salt, n=1 << work, r=8, p=1, maxmem=room, dklen=32)
    )


def _derive(key: Covered, salt: bytes, purpose: bytes) -> Covered:
    """HKDF-SHA-256 (RFC 5869), 32 bytes, which are one step of its expansion."""
    return Covered(hmac.digest(Covered(hmac.digest(salt, key, "sha256")), purpose + b"\x01", "sha256"))


def _encrypt(key: Covered, nonce: bytes, plain: Covered) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(bytes(key)).encrypt(nonce, plain, None)


def _encode(data: bytes) -> bytes:
    """Base64 as age has it, without padding."""
    return base64.b64encode(data).rstrip(b"=")

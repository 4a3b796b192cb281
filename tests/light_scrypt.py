"""age's scrypt file with hardly any work in it, so that a test need not wait a second for each passphrase.

Written by the format (C2SP, age-encryption.org/v1); the keyholder opens it with pyrage like any other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from homeprod.control.keyring.hidden import Hidden
from homeprod.control.keyring.sealing import ScryptWrapping

WORK = 4
"""log2 of scrypt's N."""


class LightWrapping(ScryptWrapping):
    def wrap(self, identity: Hidden, passphrase: Hidden) -> bytes:
        salt, file_key, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
        wrapping = hashlib.scrypt(
            passphrase.reveal().encode(),
            salt=b"age-encryption.org/v1/scrypt" + salt,
            n=1 << WORK,
            r=8,
            p=1,
            dklen=32,
        )
        body = _encode(ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None))
        head = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (_encode(salt), WORK, body)
        mac = _encode(hmac.digest(_derive(file_key, b"", b"header"), head, "sha256"))
        payload = ChaCha20Poly1305(_derive(file_key, nonce, b"payload"))
        only_chunk = payload.encrypt(bytes(11) + b"\x01", identity.reveal().encode(), None)
        return head + b" " + mac + b"\n" + nonce + only_chunk


def _derive(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, purpose).derive(key)


def _encode(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")

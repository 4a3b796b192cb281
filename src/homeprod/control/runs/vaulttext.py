"""Reads ansible-vault's text, to know what must not be seen in a run's events.

Loading Ansible for that would take half a second of every run. Format: "Ansible Vault format 1.1 - 1.2" of Ansible's
documentation: AES256 in CTR mode, keys by PBKDF2 over SHA-256 (10,000 rounds), HMAC-SHA256 over the cipher text,
padded as PKCS#7, the whole in hex. Proven against the real ansible-vault by a test.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

HEADER = b"$ANSIBLE_VAULT;"
_ROUNDS = 10_000
_BREAK = rb"(?:[ \t]*(?:\\?\r?\n|(?:\\r)?\\n))+"
"""The end of a line as files have it, or as an escape in a quoted value of YAML or JSON, which may go on below."""
_TEXT = re.compile(
    rb"\$ANSIBLE_VAULT;1\.[12];AES256[^\n\\\"']*%(end)s((?:[ \t]*[0-9a-fA-F]+(?:%(end)s|(?=[\"'])|\Z))+)"
    % {b"end": _BREAK}
)
_NO_HEX = re.compile(rb"[^0-9a-fA-F]")


class VaultTextError(ValueError):
    """It is none, was changed, or has another password."""


def find_vault_texts(content: bytes) -> list[bytes]:
    """The hex of every vault text in a file: of the file itself, or of values in it, however YAML or JSON write
    them."""
    return [_NO_HEX.sub(b"", match.group(1)) for match in _TEXT.finditer(content)]


def decrypt_vault_text(body: bytes, password: bytes) -> bytes:
    """``body`` is the hex behind the header line. Raises VaultTextError."""
    try:
        salt, digest, cipher_text = (binascii.unhexlify(part) for part in binascii.unhexlify(body).split(b"\n", 2))
    except ValueError as error:
        raise VaultTextError("this is no vault text") from error
    keys = hashlib.pbkdf2_hmac("sha256", password, salt, _ROUNDS, 80)
    if not hmac.compare_digest(hmac.digest(keys[32:64], cipher_text, "sha256"), digest):
        raise VaultTextError("it has another password, or was changed")
    decryptor = Cipher(algorithms.AES(keys[:32]), modes.CTR(keys[64:])).decryptor()
    unpadder = PKCS7(128).unpadder()
    try:
        return unpadder.update(decryptor.update(cipher_text) + decryptor.finalize()) + unpadder.finalize()
    except ValueError as error:
        raise VaultTextError("its end was cut off") from error

"""Fingerprints of public SSH keys."""

from __future__ import annotations

import base64
import hashlib


def find_fingerprint(key: str) -> str:
    """``SHA256:…``, as ``ssh-keygen -l`` prints it and a machine's console shows it. Of a line ``ssh-ed25519 AAAA…``,
    with or without a comment."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

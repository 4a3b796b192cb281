"""The secret check: refuses anything that looks secret, over every byte that leaves."""

from __future__ import annotations

import re

_LOOKS_SECRET = (
    ("a private key", re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("an age identity", re.compile(rb"AGE-SECRET-KEY-1[0-9A-Z]{10}")),
    ("a password hash", re.compile(rb"\$(?:1|2[aby]|5|6|y)\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{13}")),
    (
        "a password",
        re.compile(rb"(?im)^[^#\n]*\b(?:passwd|password|passphrase|secret)\w*\s*[:=]\s*[\"']?[^\s\"']{3}"),
    ),
    ("a Proxmox API token", re.compile(rb"[\w.-]+@[\w.-]+![\w-]+=[0-9a-fA-F]{8}-")),
    (
        "a token",
        re.compile(rb"(?im)^[^#\n]*\b(?:api[_-]?key|access[_-]?token|auth[_-]?token|token)\s*[:=]\s*[\"']?\S{8}"),
    ),
    ("a GitHub token", re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{20}")),
    ("an AWS key", re.compile(rb"\bAKIA[0-9A-Z]{16}\b")),
)
_OURS = re.compile(rb"(?m)^\s*(?:- )?(?:lock_passwd: true|ssh_pwauth: false)\s*$")


def find_secret(data: bytes) -> str | None:
    """What the bytes seem to hold (``a private key``), never the thing itself; None if nothing looks secret."""
    rest = _OURS.sub(b"", data)
    return next((name for name, pattern in _LOOKS_SECRET if pattern.search(rest)), None)

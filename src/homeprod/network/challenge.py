"""Where a proxy itself answers on port 80, before anything else: proofs that a name is ours, by http-01."""

from __future__ import annotations

import posixpath
import re

CHALLENGES = "/.well-known/acme-challenge/"
"""RFC 8555, section 8.3."""


def is_challenge(path: str) -> bool:
    """As nginx finds a location: decoded, several slashes as one, dots resolved; the query is no part of it."""
    sent = re.split(r"[?#]", path, maxsplit=1)[0]
    bare = re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), sent)
    merged = re.sub(r"/{2,}", "/", bare)
    is_folder = merged.endswith(("/", "/.", "/.."))
    return f"{posixpath.normpath(merged)}{'/' * is_folder}".startswith(CHALLENGES)

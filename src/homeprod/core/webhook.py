"""Standard Webhooks: what is signed, and what the headers say. Signing and verifying are others' work.

Source: the Standard Webhooks specification (standardwebhooks.com): headers ``webhook-id``, ``webhook-timestamp``
(whole seconds since 1970), ``webhook-signature`` (several, separated by spaces); ``v1a`` is ed25519, in base64.
"""

from __future__ import annotations

import base64
import binascii
import re

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = 300
"""Seconds that a timestamp may be off, either way."""
MOST_BYTES = 20_000
"""Of a body."""


def signed_content(message_id: str, timestamp: int, body: bytes) -> bytes:
    """The bytes that are signed."""
    return f"{message_id}.{timestamp}.".encode() + body


def render_signature(signature: bytes) -> str:
    """The header's value for one raw ed25519 signature (64 bytes)."""
    return f"v1a,{base64.b64encode(signature).decode()}"


def parse_signatures(header: str) -> list[bytes]:
    """Every well-formed ed25519 signature of the header, 64 bytes each; others are passed over, as the specification
    wants it."""
    found = []
    for word in header.split(" "):
        version, _, text = word.partition(",")
        if version != "v1a":
            continue
        try:
            signature = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(signature) == 64 and base64.b64encode(signature).decode() == text:  # one text for each signature
            found.append(signature)
    return found


def name_audience(site_id: str, node: str) -> str:
    """To whom a call is made: names of nodes are their site's own."""
    return f"{site_id}/{node}"


def call_content(method: str, path: str, audience: str, body: bytes) -> bytes:
    """What stands for the body when a call other than the ring is signed, so that a signature fits that call alone,
    and that node alone: ``METHOD PATH AUDIENCE\\n`` (the path with its query, as sent) and the body itself."""
    return f"{method} {path} {audience}\n".encode() + body


_ID = re.compile(r"msg_[A-Za-z0-9]{16,64}")
_MESSAGE = re.compile(rb"msg_[A-Za-z0-9]{16,64}\.[0-9]{1,11}\.")


def is_id(text: str) -> bool:
    """Whether it is an id as we take them: ``msg_`` and 16 to 64 letters and digits. No dot is in it, so that what is
    signed can be read in one way only."""
    return _ID.fullmatch(text) is not None


def is_message(content: bytes) -> bool:
    """Whether these can be the signed bytes of a message: what a person's key signs for us begins so, always, and
    nothing else that SSH keys sign does."""
    return _MESSAGE.match(content) is not None

"""Free text: the encoding of Proxmox's configuration files, and what a description keeps."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes


def encode_text(text: str) -> str:
    """PVE::Tools::encode_text: percent-encode controls, ``%``, ``:`` and everything beyond ASCII."""
    return "".join(_encode(character) for character in text)


def _encode(character: str) -> str:
    if character in "%:" or not " " <= character <= "~":
        return "".join(f"%{byte:02X}" for byte in character.encode())
    return character


def decode_text(text: str) -> str:
    """PVE::Tools::decode_text; an encoding that is not one stays as it is. Bytes that are no UTF-8 become U+FFFD."""
    return unquote_to_bytes(text).decode(errors="replace")


def settle_description(text: str) -> str:
    """A description as it will read back: line ends at its end are dropped (a file holds it as comment lines)."""
    return re.sub(r"\n+\Z", "", text)


def print_description(text: str) -> str:
    """The comment lines that hold a description in the configuration file."""
    return "".join(f"#{encode_text(line)}\n" for line in settle_description(text).split("\n")) if text else ""

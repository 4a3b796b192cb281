"""Sizes as Proxmox writes them: bytes, or a whole number of K, M, G or T."""

from __future__ import annotations

import re

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)(?:iB)?\Z")


def parse_size(text: str) -> int:
    """Bytes; fractions are cut (``1.1G``). Raises ValueError for text of another form."""
    match = _SIZE.match(text)
    if match is None:
        raise ValueError(f"value does not look like a valid disk size: {text}")
    return int(float(match[1]) * _UNITS[match[2]]) if "." in match[1] else int(match[1]) * _UNITS[match[2]]


def print_size(size: int) -> str:
    """The largest unit that divides; nothing at all is ``0T``."""
    for unit in ("", "K", "M", "G"):
        if size % 1024:
            return f"{size}{unit}"
        size //= 1024
    return f"{size}T"


def print_binary(size: int) -> str:
    """For task logs: ``100.0 MiB``."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.1f} {unit}"

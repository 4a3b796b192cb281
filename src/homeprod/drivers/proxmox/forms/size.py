"""Disk sizes: ``32G``, ``1536M``, ``1.5G``, plain bytes."""

from __future__ import annotations

import re
from decimal import Decimal

from homeprod.drivers.proxmox.forms.form import NEWEST, FormError, Release

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGT]?)(iB)?")


def parse_size(text: str, release: Release = NEWEST) -> int:
    """Bytes; a fraction of a byte is dropped. ``KiB`` and friends are read from release 9 on. Raises FormError."""
    found = _FORM.fullmatch(text)
    if found is None or (found[3] and (release < (9, 0) or not found[2])):
        raise FormError(f"not a disk size: {text!r}")
    return int(Decimal(found[1]) * _UNITS[found[2]])


def print_size(size: int) -> str:
    """The largest unit that divides it, as Proxmox stores it: ``1536M`` for 1.5 GiB, and ``0T`` for nothing."""
    for unit in ("T", "G", "M", "K"):
        if size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return str(size)


def print_gib(size: int) -> str:
    """In GiB, as Proxmox's create call counts, exact to the MiB above: ``32``, ``1.5``, ``0.0625``."""
    mib = -(-size // _UNITS["M"])
    return f"{Decimal(mib) / 1024:f}"

"""Sizes in bytes, as ``32 * GiB``, and how Proxmox writes them."""

from __future__ import annotations

KiB = 1024
MiB = 1024 * KiB
GiB = 1024 * MiB
TiB = 1024 * GiB


def approximate_size(size: int) -> str:
    """A size in bytes for a person to compare with another: ``1.4 GiB``."""
    for unit, name in ((TiB, "TiB"), (GiB, "GiB"), (MiB, "MiB"), (KiB, "KiB")):
        if size >= unit:
            return f"{round(size / unit, 1):g} {name}"
    return f"{size} B"


def format_size(size: int) -> str:
    """A size in bytes for a person: the largest binary unit that divides it (``32 GiB``, ``1536 MiB``)."""
    for unit, name in ((TiB, "TiB"), (GiB, "GiB"), (MiB, "MiB"), (KiB, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"

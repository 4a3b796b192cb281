"""Sizes in bytes, as ``32 * GiB``, and how Proxmox writes them."""

from __future__ import annotations

KiB = 1024
MiB = 1024 * KiB
GiB = 1024 * MiB
TiB = 1024 * GiB


def format_size(size: int) -> str:
    """A size in bytes for a person: the largest binary unit that divides it (``32 GiB``, ``1536 MiB``)."""
    for unit, name in ((TiB, "TiB"), (GiB, "GiB"), (MiB, "MiB"), (KiB, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"

"""Identifiers that follow from the site alone, so that every run and every person makes the same ones."""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(maxsize=32768)
def choose_mac(site_id: str, vmid: int, card: int = 0) -> str:
    """A MAC of this site's machine, locally administered and unicast (IEEE 802-2014, 8.4), in upper case.

    Chosen here because Proxmox would choose one at random, and a plan could then not tell it from a change.
    """
    digest = hashlib.sha256(f"{site_id}/{vmid}/{card}".encode()).digest()
    return ":".join(f"{byte:02X}" for byte in bytes([digest[0] & 0xFC | 0x02]) + digest[1:6])

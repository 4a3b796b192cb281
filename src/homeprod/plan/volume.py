"""What a volume's name says: where it is stored, and whose it is."""

from __future__ import annotations

import re


class StoredFile:
    """What images and ISOs share: ``volume`` is ``STORAGE:KIND/NAME``."""

    __slots__ = ()
    volume: str

    @property
    def storage(self) -> str:
        return self.volume.partition(":")[0]

    @property
    def file(self) -> str:
        return self.volume.partition("/")[2]


def read_owner(volume: str) -> int | None:
    """Whose volume this is by its name alone, whatever kind of storage holds it; None for images and CDs.

    The owner alone decides what a destroyed machine takes with it (facts: "Frees only volumes whose owner is this
    VM"), so only forms that Proxmox itself gives an owner are read.
    """
    _, _, name = volume.partition(":")
    if found := re.fullmatch(r"(?:[0-9]+/[^/]+/)?([0-9]+)/[^/]+", name):
        return int(found[1])
    found = re.fullmatch(r"(?:(?:base|basevol)-[0-9]+-[^/]+/)?(?:vm|base|subvol|basevol)-([0-9]+)-[^/]+", name)
    return int(found[1]) if found else None

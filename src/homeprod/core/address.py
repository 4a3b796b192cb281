"""Address: the name of one resource, ``vm/lab-proxy``; the key of every map."""

from __future__ import annotations

import re
from dataclasses import dataclass

KINDS = ("vm", "data-vm", "image", "iso")
_FORM = re.compile(rf"({'|'.join(KINDS)})/([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """``kind`` is one of :data:`KINDS`, ``name`` what the site calls the resource."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``kind/name``; raises ValueError for anything else."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"not an address: {text!r}")
        return cls(found[1], found[2])

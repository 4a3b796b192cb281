"""UPIDs, the names of tasks: ``UPID:pve:00001234:0000ABCD:65A1B2C3:qmcreate:100:root@pam:``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from homeprod.drivers.proxmox.forms.form import FormError

_FORM = re.compile(
    r"UPID:([a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8})"
    r":([^:\s/]+):([^:\s/]*):([^:\s/]+):\n?"
)


@dataclass(frozen=True, slots=True)
class Upid:
    """``kind`` is the task's type (``qmcreate``), ``id`` what it works on, ``start`` seconds since 1970."""

    node: str
    pid: int
    pstart: int
    start: int
    kind: str
    id: str
    user: str

    def __str__(self) -> str:
        return (
            f"UPID:{self.node}:{self.pid:08X}:{self.pstart:08X}:{self.start:08X}:{self.kind}:{self.id}:{self.user}:"
        )


def parse_upid(text: str) -> Upid:
    """Raises FormError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise FormError(f"unable to parse worker upid '{text}'")
    node, pid, pstart, start, kind, about, user = found.groups()
    return Upid(node, int(pid, 16), int(pstart, 16), int(start, 16), kind, about, user)

"""Records: what Proxmox's own task log holds of what was done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task as the log lists it. ``about`` is what it worked on (a VMID, a storage, a file name), empty where the
    log does not say. Times in seconds since 1970; ``end`` and ``status`` are None while it runs. ``user`` is
    ``root@pam``, or ``root@pam!token`` where a token did it."""

    upid: str
    node: str
    kind: str
    about: str
    user: str
    start: int
    end: int | None = None
    status: str | None = None

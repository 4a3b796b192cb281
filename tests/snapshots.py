"""Snapshots of made-up sites, as somebody would send them."""

from __future__ import annotations

import time
from typing import Any

from homeprod.core.overview.snapshot import AS_DECLARED


def make_snapshot(*machines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format": 1, "taken": int(time.time()), "machines": list(machines), **more}


def make_machine(name: str = "lab-proxy", vmid: int = 4001020, **more: Any) -> dict[str, Any]:
    known = {"name": name, "kind": "vm", "vmid": vmid, "node": "pve", "state": "running", "plan": AS_DECLARED}
    return {**known, **more}

"""The bundle: homeprod and all it needs, as a control node is installed from it. Named here, built elsewhere.

It is named by its inputs (homeprod's own files, the lock file of what it needs, the guest's Python), so that a plan
knows whether Proxmox has it and builds nothing.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
LOCK_FILE = PACKAGE / "control" / "requirements.txt"
PYTHONS = {"debian-13": "3.13"}
"""The releases that a control node was tested on, and the Python that they have."""
FORMAT = 2
"""Counts up when the bundle comes to be made otherwise from the same inputs."""


@cache
def identify_bundle() -> str:
    """Twelve hexadecimal digits."""
    digest = hashlib.sha256(f"{FORMAT}".encode())
    for file in list_sources():
        digest.update(f"\n{file.relative_to(PACKAGE).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def list_sources() -> list[Path]:
    """The files of homeprod itself that go in: all but the lab, which no control node runs."""
    files = (path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return sorted(file for file in files if file.relative_to(PACKAGE).parts[0] != "lab")

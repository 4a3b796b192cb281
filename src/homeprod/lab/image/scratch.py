"""Folders that images are built in: made beside the result, removed without ever following a mount."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeprod.core.errors import LabError

_PREFIX = ".build-"


@contextmanager
def make_scratch(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    # The tree of an image grows in it, and programs in that tree that are not root must reach their files.
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        remove_scratch(folder)


def sweep(parent: Path) -> None:
    """Remove what killed builds left. Only for who holds the lock on ``parent``. Raises LabError."""
    for folder in parent.glob(f"{_PREFIX}*"):
        remove_scratch(folder)


def remove_scratch(folder: Path) -> None:
    """Remove a folder whose builder may have been killed with /dev or /proc mounted in it: those are unmounted
    first, because to delete through them would be to delete the host's. Raises LabError when one stays."""
    for mount in _mounts_below(folder):
        subprocess.run(("umount", mount), capture_output=True, check=False)
    left = _mounts_below(folder)
    if left:
        raise LabError(f"still mounted: {left[0]}", where=str(folder), hint=f"run:\n\n  umount {' '.join(left)}")
    shutil.rmtree(folder, ignore_errors=True)


def _mounts_below(folder: Path) -> list[str]:
    """Deepest first."""
    start = f"{folder.resolve()}/"
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return sorted((line.split()[4] for line in lines if line.split()[4].startswith(start)), reverse=True)

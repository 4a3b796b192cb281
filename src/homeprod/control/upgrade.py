"""Upgrade: another version from the second CD, in place. It ends Locked, since everything is started anew."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeprod import __version__
from homeprod.cloudinit.userdata import BUNDLE_LABEL
from homeprod.core.errors import ControlError

LIMIT = 900


def upgrade() -> str:
    """As root. The version that is there now. Raises ControlError, with the old one going on as it was."""
    with _mounted() as disc:
        version = (disc / "version").read_text().strip()
        if read_version(version) < read_version(__version__):
            hint = "its keyring and database may be of a later format; put the CD of this version or a later one in"
            raise ControlError(f"the CD holds {version}, which is older than {__version__}", hint=hint)
        command = ("sh", str(disc / "install.sh"))
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["it said nothing"]
        raise ControlError(f"the installation failed: {words[-1]}", hint="the version from before runs on")
    return version


def read_version(text: str) -> tuple[int, ...]:
    """Raises ControlError where it is none."""
    try:
        return tuple(int(part) for part in text.split("."))
    except ValueError as error:
        raise ControlError(f"{text!r} is no version", hint="is that homeprod's CD?") from error


@contextmanager
def _mounted() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="homeprod-cd-") as folder:
        done = subprocess.run(
            ("mount", "-o", "ro", f"LABEL={BUNDLE_LABEL}", folder),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            hint = "where you apply from, put it in:\n\n  homeprod apply"
            raise ControlError(f"no CD of homeprod's is in: {done.stderr.strip()}", hint=hint)
        try:
            yield Path(folder)
        finally:
            subprocess.run(("umount", folder), capture_output=True, timeout=60, check=False)

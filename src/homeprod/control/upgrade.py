"""Upgrade: another version from the second CD, in place. It ends Locked, since everything is started anew.

What is on the data disk is taken over by the new version itself: the ledger when its daemon starts
(:mod:`homeprod.control.hosts.schema`), the keyring when it is unlocked (:mod:`homeprod.control.keyring.content`).
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeprod import __version__
from homeprod.cloudinit.userdata import BUNDLE_LABEL
from homeprod.control.install import find_prefix
from homeprod.core.errors import ControlError

LIMIT = 900
AGAIN = (str(find_prefix() / "bin" / "python"), "-B", "-m", "homeprod", "control", "install")
"""Puts the running version back in its place: its programs, its units, its services. By its own folder, since what
``current`` points to may be the other one by then."""


def upgrade() -> str:
    """As root. The version that is there now. Raises ControlError, with the old one going on as it was."""
    with _mounted() as disc:
        version = _read_disc(disc)
        if read_version(version) < read_version(__version__):
            hint = "its keyring and database may be of a later format; put the CD of this version or a later one in"
            raise ControlError(f"the CD holds {version}, which is older than {__version__}", hint=hint)
        done = _run("sh", str(disc / "install.sh"))
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["it said nothing"]
        raise ControlError(f"the installation failed: {words[-1]}", hint=_put_back())
    return version


def _read_disc(disc: Path) -> str:
    try:
        return (disc / "version").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError("the CD says no version", where=str(disc), hint="is that homeprod's CD?") from error


def _put_back() -> str:
    """What to tell a person."""
    if _run(*AGAIN).returncode == 0:
        return f"{__version__} runs on, and is Locked"
    return "neither version starts; see why, and put the CD of a later one in\n\n  journalctl -u homeprod-control"


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)


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

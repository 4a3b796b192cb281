"""One network namespace, by name: made, entered, removed.

``ip netns exec`` and ``ip -n`` are not used to enter: they also want a mount namespace of their own, which fails
in a chroot whose root is no mount point. ``nsenter --net`` changes the network and nothing else.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.process import ProcessMark

_FOLDER = Path("/run/netns")
_PATIENCE = 30.0
"""Seconds; the kernel may hold these calls up for a while when it tears other namespaces down."""


class Namespace:
    """A network namespace as ``ip netns`` knows it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = _FOLDER / name

    def exists(self) -> bool:
        """A name whose namespace is gone (a killed ``ip netns add`` leaves a plain file) is none."""
        return self.path.exists() and str(self.path) in _mount_points()

    def add(self) -> None:
        """Make it, in place of what a killed ``add`` may have left. Raises LabError."""
        if self.path.exists():
            self.path.unlink()
        run("ip", "netns", "add", self.name)

    def delete(self) -> None:
        """Remove it and every link in it; nothing happens when it is not there. Raises LabError.

        With the last namespace goes the mount on /run/netns that ``ip netns add`` made; it makes it again.
        """
        if self.exists():
            run("ip", "netns", "delete", self.name)
        elif self.path.exists():
            self.path.unlink()
        _unmount_empty()

    def list_links(self) -> set[str]:
        """The names of its links. Raises LabError."""
        lines = self.run("ip", "-brief", "link").splitlines()
        return {line.split()[0].partition("@")[0] for line in lines}

    def list_processes(self) -> list[ProcessMark]:
        """Every process inside, whoever started it."""
        if not self.exists():
            return []
        wanted = self.path.stat()
        inside = [
            int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_in(entry, wanted)
        ]
        return [mark for mark in map(ProcessMark.of, inside) if mark is not None]

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` inside."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv: str, given: str = "") -> str:
        """Run a short command inside; its output. Raises LabError."""
        return run(*self.enter(argv), given=given)


def _is_in(process: Path, namespace: os.stat_result) -> bool:
    try:
        return os.path.samestat((process / "ns" / "net").stat(), namespace)
    except OSError:  # it has ended in between
        return False


def run(*argv: str, given: str = "") -> str:
    """Run a short command; its output. Raises LabError with its own words."""
    try:
        done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed", hint="run make setup, which installs it") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(argv[:4])} did not end within {_PATIENCE:.0f} s") from error
    if done.returncode:
        raise LabError(done.stderr.strip() or f"{argv[0]} failed with status {done.returncode}")
    return done.stdout


def _mount_points() -> set[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {line.split()[4] for line in lines}


def _unmount_empty() -> None:
    if _FOLDER.exists() and not any(_FOLDER.iterdir()) and str(_FOLDER) in _mount_points():
        # Somebody else may be adding a namespace right now; then the mount is busy, and theirs.
        subprocess.run(("umount", str(_FOLDER)), capture_output=True, check=False, timeout=_PATIENCE)

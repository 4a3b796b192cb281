"""A lab's folder: where everything of one lab lies, and who may work on it.

``$XDG_STATE_HOME/homeprod/labs/NAME`` (XDG Base Directory Specification: ~/.local/state where it is not set).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError, UsageError
from homeprod.core.likeness import suggest
from homeprod.lab.command import name_up
from homeprod.lab.process import ProcessMark
from homeprod.lab.spec import LabSpec

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
Say = Callable[[str], None]
_LOOK_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class LabFolder:
    """The folder of the lab ``name``, there or not."""

    name: str
    path: Path

    @property
    def spec_file(self) -> Path:
        return self.path / "lab.json"

    @property
    def keys(self) -> Path:
        """Private SSH keys of the lab's own, a file (0600) for each user, named after the user."""
        return self.path / "keys"

    @property
    def ca_file(self) -> Path:
        return self.path / "ca.pem"

    @property
    def token_file(self) -> Path:
        return self.path / "token"

    @property
    def daemon_file(self) -> Path:
        """Written by the lab's process while it answers, and gone when it ends in order."""
        return self.path / "daemon.json"

    def exists(self) -> bool:
        return self.spec_file.exists()

    def read_spec(self) -> LabSpec:
        """Raises LabError."""
        try:
            return LabSpec.read(self.spec_file)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise LabError(
                f"cannot read the lab's description: {error}",
                where=str(self.spec_file),
                hint=f"make the lab anew; its disks are lost with it:\n\n  homeprod lab down {self.name} --disks",
            ) from error

    def find_daemon(self) -> ProcessMark | None:
        """The lab's living process, whether it answers already or not."""
        mark = ProcessMark.read(self.path / "daemon.mark")
        return mark if mark is not None and mark.is_alive() else None

    def read_url(self) -> str:
        """Where the lab answers; empty where it does not."""
        mark = self.find_daemon()
        try:
            known = json.loads(self.daemon_file.read_text())
        except (OSError, ValueError):
            return ""
        return str(known["url"]) if mark is not None and known.get("pid") == mark.pid else ""

    @contextmanager
    def lock(self, say: Say) -> Iterator[None]:
        """One ``up`` or ``down`` at a time. The kernel drops the lock of a killed process, so it is never stale."""
        make_private(self.path)
        file = self.path / "lock"
        descriptor = _acquire(file, lambda: say(f"waiting for another command that works on lab {self.name}"))
        try:
            yield
        finally:
            os.close(descriptor)


def _acquire(file: Path, on_wait: Callable[[], None]) -> int:
    """Whoever held the lock may have removed the folder with the file: then the lock is on nothing, and the next
    file is tried."""
    said = False
    while True:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if file.exists() and os.path.samestat(os.fstat(descriptor), file.stat()):
                return descriptor
        except BlockingIOError:
            if not said:
                on_wait()
                said = True
        os.close(descriptor)
        time.sleep(_LOOK_EVERY)


def make_private(path: Path) -> None:
    """A folder that only its owner may enter; its parents as the system has them. Raises LabError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise LabError(
            f"cannot make the lab's folder: {error.strerror}",
            where=str(path),
            hint="name another place with XDG_STATE_HOME, or mend its rights",
        ) from error


def labs_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "homeprod" / "labs"


def find_folder(name: str) -> LabFolder:
    """Where the lab of that name is, or would be. Raises UsageError for what is no name."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a lab",
            hint="lower-case letters, digits and -, beginning with a letter, 32 at most",
        )
    return LabFolder(name, labs_folder() / name)


def list_labs() -> list[LabFolder]:
    folder = labs_folder()
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return [lab for lab in (LabFolder(name, folder / name) for name in names if NAME.fullmatch(name)) if lab.exists()]


def require_lab(name: str) -> LabFolder:
    """A lab that is there, up or down. Raises LabError that names those there are."""
    lab = find_folder(name)
    if lab.exists():
        return lab
    names = [known.name for known in list_labs()]
    listed = f"there {'is' if len(names) == 1 else 'are'}: {', '.join(names)}"
    hint = (suggest(name, names) or listed) if names else f"make it:\n\n  {name_up(name, boots=True)}"
    if os.geteuid() != 0:
        hint += "\n\na lab that was made with sudo is root's: use sudo here too"
    raise LabError(f"there is no lab {name}", where=str(labs_folder()), hint=hint)


def require_up(name: str) -> LabFolder:
    """A lab that answers. Raises LabError."""
    lab = require_lab(name)
    if not lab.read_url():
        raise LabError(f"lab {name} is not up", hint=f"bring it up:\n\n  {name_up(name, boots=lab.read_spec().boot)}")
    return lab

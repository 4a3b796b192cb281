"""The person's own git, in their repository: their signing key, their way to the git host, their settings."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.core.errors import AppsError

_QUICK, _PATIENT = 60.0, 600.0
"""Seconds: for what is done here, and for what a git host or a person with a key takes part in."""
_HOME = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
"""Set where git itself runs us, from a hook; they would lead to another repository."""


class GitError(Exception):
    """What git said, unread."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output

    @property
    def word(self) -> str:
        """The line that says most."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        told = next((line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:"))), None)
        return (told or "".join(lines[-1:]) or "it said nothing")[:300]


@dataclass(frozen=True, slots=True)
class Git:
    """In the repository that ``folder`` lies in."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, given: bytes = b"", is_patient: bool = False) -> bytes:
        """What it prints. Raises GitError with what it says where it fails or takes too long, AppsError where there
        is no git."""
        argv = ("git", "-C", str(self.folder), *arguments)
        limit, owner = _PATIENT if is_patient else _QUICK, _find_caller(self.folder)
        try:
            done = subprocess.run(
                argv,
                input=given,
                capture_output=True,
                timeout=limit,
                env=self._list_variables(),
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=os.getgrouplist(owner.pw_name, owner.pw_gid) if owner else None,
            )
        except subprocess.TimeoutExpired:
            raise GitError(f"fatal: it did not end within {limit:.0f} seconds") from None
        except FileNotFoundError:
            raise AppsError("git is not installed", hint="install it:\n\n  sudo apt install git") from None
        if done.returncode != 0:
            raise GitError((done.stderr + done.stdout).decode(errors="replace"))
        return done.stdout

    def ask(self, *arguments: str) -> str:
        """A line; empty where git has no answer."""
        try:
            return self.run(*arguments).decode(errors="replace").strip()
        except GitError:
            return ""

    def _list_variables(self) -> dict[str, str]:
        # Git runs programs of the person's; they get nothing of ours.
        kept = {
            name: one for name, one in os.environ.items() if not name.startswith("HOMEPROD_") and name not in _HOME
        }
        if owner := _find_caller(self.folder):
            kept |= {"HOME": owner.pw_dir, "USER": owner.pw_name, "LOGNAME": owner.pw_name}
        return {**kept, "LC_ALL": "C", **self.variables}


def _find_caller(folder: Path) -> pwd.struct_passwd | None:
    """Under sudo, in a repository of whoever called it: git runs as they then, with their settings and their way to
    the git host, and leaves no file of root's among theirs."""
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() != 0 or not caller.isdecimal() or int(caller) == 0 or not folder.exists():
        return None
    try:
        return pwd.getpwuid(int(caller)) if folder.stat().st_uid == int(caller) else None
    except KeyError:
        return None


def open_repository(folder: Path) -> Git:
    """Raises AppsError where it is none."""
    if not folder.is_dir():
        raise AppsError("there is no such folder", where=str(folder), hint="name the app repository's folder")
    git = Git(folder)
    if not git.ask("rev-parse", "--git-dir"):
        hint = f"make it one, and give it a remote:\n\n  git -C {folder} init -b main"
        raise AppsError("this is no git repository", where=str(folder), hint=hint)
    return git

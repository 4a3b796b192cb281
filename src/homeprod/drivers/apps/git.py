"""The person's own git, in their repository: their signing key, their way to the git host, their settings."""

from __future__ import annotations

import os
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
        limit = _PATIENT if is_patient else _QUICK
        try:
            done = subprocess.run(argv, input=given, capture_output=True, timeout=limit, env=self._list_variables())
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
        return {**kept, "LC_ALL": "C", **self.variables}


def open_repository(folder: Path) -> Git:
    """Raises AppsError where it is none."""
    if not folder.is_dir():
        raise AppsError("there is no such folder", where=str(folder), hint="name the app repository's folder")
    git = Git(folder)
    if not git.ask("rev-parse", "--git-dir"):
        hint = f"make it one, and give it a remote:\n\n  git -C {folder} init -b main"
        raise AppsError("this is no git repository", where=str(folder), hint=hint)
    return git

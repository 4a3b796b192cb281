"""Git: which commit of the site this is, and whether a folder is anybody's work tree."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def read_commit(root: Path) -> str:
    """The commit of the work tree at ``root``, ``+`` behind it where something in ``root`` is not committed;
    empty where it is none, or git is not installed: the commit is a convenience for people."""
    try:
        commit = _ask(root, "rev-parse", "--short=12", "HEAD")
        changed = _ask(root, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{commit}+" if changed else commit


def is_work_tree(folder: Path) -> bool:
    """Whether it lies in one. False where git is not installed."""
    try:
        return _ask(folder, "rev-parse", "--is-inside-work-tree") == "true"
    except (OSError, subprocess.SubprocessError):
        return False


def _ask(root: Path, *arguments: str) -> str:
    command = ("git", "-C", str(root), *arguments)
    # Git may run programs of the repository's; they get nothing of ours.
    env = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPROD_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True, env=env)
    return done.stdout.strip()

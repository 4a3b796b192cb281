"""A commit's files, laid out to be read by the runs: whole or not at all, and never changed again."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

from homeprod.control.repositories.errors import GitError, RepositoryError
from homeprod.control.repositories.git import QUIET, Git
from homeprod.core.errors import AppsError
from homeprod.core.tree import Tree
from homeprod.drivers.apps.git import Git as Reader
from homeprod.drivers.apps.tree import read_commits

_KEPT = 20
"""Trees; the oldest beyond that go, and a run that still reads one is far older than any run may be."""


async def lay_out(git: Git, commit: str, below: Path, folder: str = "") -> Path:
    """The files of ``commit``, or of one folder in it, in a folder below ``below``. Raises GitError where they cannot
    be read, or a link leads out of them; OSError where there is no room."""
    place = below / (f"{commit}-{folder}" if folder else commit)
    if place.is_dir():
        return place
    draft = below / f".{uuid.uuid4().hex}"
    try:
        (draft / "files").mkdir(parents=True)
        below.chmod(0o711)  # whatever the umask: the runs' users go through it, to what they are told of
        # Not `git archive`: attributes in the repository could leave files out of it, or change them.
        own = {"GIT_INDEX_FILE": str(draft / "index"), "GIT_WORK_TREE": str(draft / "files")}
        laying = replace(git, variables={**git.variables, **own})
        await laying.run("read-tree", f"{commit}:{folder}" if folder else commit)
        await laying.run("checkout-index", "--all")
        await asyncio.to_thread(_make_readable, draft / "files")
        (draft / "files").rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place


def read_tree(clone: Path, commit: str, name: str) -> Tree:
    """The files of ``commit`` as values, of the bare clone of the repository ``name``. Raises RepositoryError."""
    try:
        return read_commits(Reader(clone, QUIET), {"it": commit})["it"]
    except AppsError as error:
        hint = "it is fetched again by itself; see whether the node's disk is full"
        raise RepositoryError(name, error.message, where=commit[:12], hint=hint) from error


def _make_readable(folder: Path) -> None:
    """For all, to be written by nobody else."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        elif reason := _judge_link(path, folder):
            raise GitError(f"fatal: it cannot be laid out: {path.relative_to(folder)} is a link that {reason}")


def _judge_link(link: Path, folder: Path) -> str:
    """What is wrong with it; empty where it may stay."""
    try:
        return "" if link.resolve().is_relative_to(folder.resolve()) else "leads out of it"
    except (RuntimeError, OSError):  # before Python 3.13, a loop is the first
        return "leads nowhere"


def forget_trees(below: Path, needed: set[Path], kept: int = _KEPT) -> None:
    """The oldest trees but the ``needed`` ones; with them, what an earlier daemon left unfinished."""
    if not below.is_dir():
        return
    if kept == 0:
        for draft in below.glob(".*"):
            shutil.rmtree(draft, ignore_errors=True)
    trees = sorted(
        (tree for tree in below.glob("[!.]*") if tree not in needed), key=lambda tree: tree.stat().st_mtime
    )
    for tree in trees[: max(len(trees) - kept, 0)]:
        shutil.rmtree(tree, ignore_errors=True)

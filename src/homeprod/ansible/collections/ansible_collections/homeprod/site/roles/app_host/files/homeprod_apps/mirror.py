"""One branch of one repository, kept here: Harbormaster sees this and nothing else.

``CANDIDATE`` is what the server has, ``ACCEPTED`` the last head that was believed, and the branch itself, by its own
name, what Harbormaster may run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .git import Git, GitError
from .problem import Problem

CANDIDATE, ACCEPTED, HEALTHY = "refs/homeprod/candidate", "refs/homeprod/accepted", "refs/homeprod/healthy"
_LINK = "160000"
"""The mode of a submodule in a tree. Source: git-fast-import(1)."""


@dataclass(frozen=True)
class Mirror:
    folder: Path
    url: str
    branch: str

    @property
    def git(self) -> Git:
        return Git(self.folder)

    @property
    def address(self) -> str:
        """For Harbormaster."""
        return f"file://{self.folder}"

    def show(self, commit: str) -> None:
        """Harbormaster finds that commit as the branch's head from now on."""
        self.git.point(f"refs/heads/{self.branch}", commit)

    def read(self, commit: str, path: str) -> bytes | None:
        """None where there is no such file; neither a folder nor a link is one."""
        entry = self.git.ask("ls-tree", commit, "--", path).output
        if not entry.startswith("100"):
            return None
        done = self.git.ask("cat-file", "blob", f"{commit}:{path}")
        return done.output.encode("utf-8", "replace")

    def lay_out(self, commit: str, folder: Path) -> None:
        """The commit's files, and nothing else, in that folder. Raises Problem."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tree = self.git.ask("ls-tree", "-r", commit).output
        if links := [line.split("\t", 1)[1] for line in tree.splitlines() if line.startswith(_LINK)]:
            hint = "have its files in the repository, or an app of its own"
            raise Problem(f"{links[0]} is a submodule, which Harbormaster leaves empty", hint)
        index = {"GIT_INDEX_FILE": str(folder.with_name(f".{folder.name}.index")), "GIT_WORK_TREE": str(folder)}
        try:
            self.git.ask("read-tree", commit, variables=index)
            self.git.ask("checkout-index", "--all", "--force", "--quiet", variables=index)
        except GitError as error:
            raise Problem(
                f"cannot be laid out: {error.said[:200]}", "see whether the disk is full\n    df -h"
            ) from error
        finally:
            Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)


def open_mirror(folder: Path, name: str, url: str, branch: str) -> Mirror:
    """Of ``name``; another address or another branch is another mirror. Raises Problem."""
    digest = hashlib.sha256(f"{url}\n{branch}".encode()).hexdigest()[:12]
    mirror = Mirror(folder / f"{name}-{digest}.git", url, branch)
    try:
        mirror.git.prepare()
    except (GitError, OSError) as error:
        raise Problem(
            f"{os.fspath(mirror.folder)} cannot be used: {error}", "see whether the disk is full"
        ) from error
    return mirror

"""The two repositories that stand-ins are configured from: commits made here, signed by the rehearsal's own person.

The playbook repository's objects are borrowed, never written to (gitrepository-layout(5), objects/info/alternates).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from homeprod.core.errors import PromotionError
from homeprod.core.tree import Kind
from homeprod.drivers.apps.git import Git, GitError

_SECONDS = 60
_OWN = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
"""Nothing of what a person has set for their own repositories, and no hook of theirs."""
Files = Mapping[str, tuple[Kind, bytes]]


def make_key(file: Path, person: str) -> str:
    """A new key, its private half in ``file`` (0600); the public one. Raises PromotionError."""
    command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{person}@rehearsal", "-f", str(file))
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
    except FileNotFoundError as error:
        hint = "install it:\n\n  apt install openssh-client"
        raise PromotionError("ssh-keygen is not installed", hint=hint) from error
    except subprocess.SubprocessError as error:
        raise PromotionError("no key can be made for the rehearsal", where=str(file)) from error
    return file.with_suffix(".pub").read_text().strip()


class Scratch:
    """A repository below the rehearsal's folder. ``key`` signs its commits; ``borrowed`` is a repository whose
    objects it may use. Every method raises PromotionError."""

    def __init__(self, folder: Path, key: Path, person: str, borrowed: Path | None = None) -> None:
        self.folder = folder
        self._git = Git(folder, {**_OWN, "GIT_INDEX_FILE": str(folder / "scratch.index")})
        folder.mkdir(mode=0o700)
        self._run("init", "--quiet", "--bare", "--initial-branch", "main")
        for name, value in (
            ("user.name", person),
            ("user.email", f"{person}@rehearsal.invalid"),
            ("gpg.format", "ssh"),
            ("user.signingKey", str(key)),
        ):
            self._run("config", name, value)
        if borrowed is not None:
            self._borrow(borrowed)

    def _borrow(self, repository: Path) -> None:
        objects = Git(repository).ask("rev-parse", "--path-format=absolute", "--git-path", "objects")
        alternates = self.folder / "objects" / "info" / "alternates"
        alternates.write_text(f"{objects}\n")

    def commit(self, branches: Iterable[str], files: Files, *, base: str = "", parent: str = "") -> str:
        """The files of the commit ``base`` with ``files`` in place of those of the same paths, as a commit that comes
        after ``parent``, on each of the branches; its name."""
        self._run("read-tree", base or "--empty")
        for path, (kind, content) in files.items():
            oid = self._run("hash-object", "-w", "--stdin", given=content)
            self._run("update-index", "--add", "--replace", "--cacheinfo", f"{kind.value},{oid},{path}")
        tree = self._run("write-tree")
        after = ("-p", parent) if parent else ()
        commit = self._run("commit-tree", "-S", "-m", "rehearsal", *after, tree)
        for branch in branches:
            self._run("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def _run(self, *words: str, given: bytes = b"") -> str:
        try:
            return self._git.run(*words, given=given).decode().strip()
        except GitError as error:
            hint = "see whether your clone is whole:\n\n  git fsck"
            message = f"the rehearsal's repository cannot be made: {error.word}"
            raise PromotionError(message, where=str(self.folder), hint=hint) from error

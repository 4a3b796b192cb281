"""A lab's repositories on disk: bare ones, each with the deploy keys that may read it.

Everything lies in the lab's folder under ``repositories``, so it goes with the lab's disks and with nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError, UsageError
from homeprod.lab.folder import make_private

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/]+=*")
_PATIENCE = 600.0
"""Seconds, for what may come over the internet."""


@dataclass(frozen=True, slots=True)
class Store:
    """The repositories of the lab whose folder is ``state``."""

    state: Path

    @property
    def folder(self) -> Path:
        return self.state.absolute() / "repositories"

    def list_names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.git"))

    def path(self, name: str) -> Path:
        """A repository that is there; who may write files here pushes to it. Raises LabError, UsageError."""
        path = self._place(name)
        if path.is_dir():
            return path
        known = ", ".join(self.list_names()) or "none"
        raise LabError(f"the lab has no repository {name}", hint=f"there are: {known}")

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            hint = "lower-case letters, digits and -, 64 at most"
            raise UsageError(f"{name!r} is no name for a repository", hint=hint)
        return self.folder / f"{name}.git"

    def add(self, name: str, source: str = "") -> Path:
        """A new repository, empty or with every branch and tag of ``source`` (a folder or a URL). Raises LabError
        where there is one already, or the source is none."""
        path = self._place(name)
        if path.exists():
            hint = "to bring it up to date, push to it"
            raise LabError(f"the lab has a repository {name} already", where=str(path), hint=hint)
        make_private(self.folder)
        half = path.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        if source:
            _git("clone", "--quiet", "--bare", "--no-hardlinks", "--", source, str(half))
            _git("-C", str(half), "remote", "remove", "origin")
        else:
            _git("init", "--quiet", "--bare", "--initial-branch=main", str(half))
        half.rename(path)
        return path

    def push(self, name: str, source: Path, *, force: bool = False) -> None:
        """Take every branch and tag of the repository that ``source`` is. Raises LabError in git's own words, also
        for a branch that was rewound or rewritten, unless ``force``."""
        sign, path = "+" if force else "", self.path(name)
        refs = [f"{sign}refs/heads/*:refs/heads/*", f"{sign}refs/tags/*:refs/tags/*"]
        try:
            _git("-C", str(source), "push", "--quiet", "--atomic", "--", str(path), *refs)
        except LabError as error:
            if "non-fast-forward" in error.message:
                error.hint = "where it was rewritten on purpose, add --force; nothing was pushed"
            raise
        self._adopt_head(path, source)

    def _adopt_head(self, path: Path, source: Path) -> None:
        """A repository that was made empty takes over which branch is its own."""
        branches = _git("-C", str(path), "for-each-ref", "--format=%(refname)", "refs/heads").split()
        if _git("-C", str(path), "symbolic-ref", "HEAD").strip() in branches:
            return
        marked = _git("-C", str(source), "for-each-ref", "--format=%(HEAD)%(refname)", "refs/heads").split()
        head = next((line[1:] for line in marked if line.startswith("*")), "")
        if head in branches:
            _git("-C", str(path), "symbolic-ref", "HEAD", head)

    def authorize(self, name: str, key: str) -> None:
        """Let the owner of a public key read the repository. Raises UsageError for what is no public key."""
        found = _KEY.match(key.strip())
        if found is None:
            raise UsageError(
                "not a public SSH key (as in a .pub file)", hint="ssh-keygen -y prints that of a private one"
            )
        keys = self.read_keys(name)
        if found[0] not in keys:
            self._keys_file(name).write_text("".join(f"{key}\n" for key in [*keys, found[0]]))

    def revoke(self, name: str, key: str) -> None:
        """Nothing happens where the key may not read it."""
        rest = [known for known in self.read_keys(name) if known.split()[1] not in key.split()]
        self._keys_file(name).write_text("".join(f"{known}\n" for known in rest))

    def read_keys(self, name: str) -> list[str]:
        """The deploy keys of a repository, type and key alone."""
        file = self._keys_file(name)
        return file.read_text().splitlines() if file.exists() else []

    def _keys_file(self, name: str) -> Path:
        return self.path(name).with_suffix(".keys")


def _git(*arguments: str) -> str:
    """What it prints. Raises LabError with git's own words. Of the caller's environment, what speaks of another
    repository is left out (a hook has it), nobody is asked for a password, and no hook is run: this may be root, in a
    person's folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_TERMINAL_PROMPT"] = "0"
    argv = ("git", "-c", "core.hooksPath=/dev/null", *arguments)
    try:
        done = subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError("git is not installed", hint="run make setup, which installs it") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"git {arguments[0]} did not end within {_PATIENCE:.0f} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("hint:")]
        raise LabError("\n".join(lines) or f"git ended with {done.returncode}")
    return done.stdout

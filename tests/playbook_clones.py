"""People's clones of a playbook repository and its bare git host: real git, commits really signed."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIMIT = 60


@dataclass(frozen=True)
class GitHost:
    """A bare repository in ``folder``; ``key`` signs what is committed in its clones."""

    folder: Path
    key: Path

    @classmethod
    def make(cls, at: Path, key: Path, name: str = "playbooks") -> GitHost:
        at.mkdir(parents=True, exist_ok=True)
        host = cls(at / f"{name}.git", key)
        run_git(at, "init", "-q", "--bare", "-b", "main", str(host.folder))
        return host

    def clone(self, name: str = "clone", key: Path | None = None) -> Clone:
        folder = self.folder.parent / f"{self.folder.stem}-{name}"
        run_git(self.folder.parent, "clone", "-q", str(self.folder), str(folder))
        clone = Clone(folder)
        settings = {
            "user.name": name, "user.email": f"{name}@example.org", "gpg.format": "ssh",
            "user.signingkey": f"{key or self.key}.pub", "commit.gpgsign": "true",
        }  # fmt: skip
        for setting, value in settings.items():
            clone.git("config", setting, value)
        return clone

    def find(self, ref: str) -> str:
        return run_git(self.folder, "for-each-ref", "--format=%(objectname)", ref)

    def heads(self) -> dict[str, str]:
        rows = run_git(self.folder, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        return dict(row.split() for row in rows.splitlines())


@dataclass(frozen=True)
class Clone:
    folder: Path

    def git(self, *words: str) -> str:
        return run_git(self.folder, *words)

    def commit(self, files: dict[str, str], *, is_signed: bool = True, word: str = "a change") -> str:
        for path, content in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(content)
        self.git("add", "-A")
        signing = () if is_signed else ("--no-gpg-sign",)
        self.git("commit", "-q", "--allow-empty", *signing, "-m", word)
        return self.git("rev-parse", "HEAD")

    def push(self, *specs: str) -> None:
        self.git("push", "-q", "origin", *specs)


def run_git(folder: Path, *words: str) -> str:
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    argv = ["git", "-C", str(folder), *words]
    done = subprocess.run(
        argv, env={**os.environ, **quiet}, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_key(folder: Path, name: str) -> Path:
    """Its private half; the public one is beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(argv, check=True, timeout=LIMIT)
    return folder / name


def read_public(key: Path) -> str:
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])

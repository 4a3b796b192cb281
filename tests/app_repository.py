"""An app repository with a git host and a person who signs, all in a folder of the test's own; the real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from homeprod.cli.main import main

TWO = ("wiki", "chat")
FIVE = (*TWO, "photos", "music", "mail")

CONFIGURATION = """apps:
{}"""
ENTRY = """  {app}:
    url: https://git.example/apps.git
    branch: deploy/{host}/{app}
"""
COMPOSE = """services:
  web:
    image: registry.example/{app}:{tag}
"""


def write_configuration(host: str, *apps: str, stopped: tuple[str, ...] = ()) -> str:
    entries = [
        ENTRY.format(app=app, host=host) + "    enabled: false\n" * (app in stopped) for app in (*apps, *stopped)
    ]
    return CONFIGURATION.format("".join(entries))


@dataclass(frozen=True)
class AppRepository:
    """``work`` is the person's clone, ``hub`` the git host's bare repository."""

    root: Path

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def hub(self) -> Path:
        return self.root / "apps.git"

    def write(self, files: Mapping[str, str | None]) -> None:
        """None takes a file away."""
        for path, text in files.items():
            place = self.work / path
            if text is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")

    def commit(self, message: str = "a change", *, is_pushed: bool = True) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        if is_pushed:
            self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def change(self, files: Mapping[str, str | None], message: str = "a change") -> str:
        self.write(files)
        return self.commit(message)

    def publish(self, *options: str) -> int:
        return main(["apps", "publish", str(self.work), "--yes", *options])

    def lint(self, *options: str) -> int:
        return main(["apps", "lint", str(self.work), *options])

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        argv = ["git", "-C", str(folder or self.work), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True, env=clean_environment())
        return done.stdout.strip()

    def list_heads(self) -> dict[str, str]:
        """The published branches, as the git host has them."""
        lines = self.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads", folder=self.hub)
        return {name: oid for name, _, oid in (line.partition(" ") for line in lines.splitlines()) if name != "main"}

    def list_files(self, branch: str) -> list[str]:
        return self.git("ls-tree", "-r", "--name-only", branch, folder=self.hub).splitlines()

    def read(self, branch: str, path: str) -> str:
        return self.git("show", f"{branch}:{path}", folder=self.hub)

    def clone(self, name: str) -> AppRepository:
        """Another person's clone, who signs with the same key."""
        other = AppRepository(self.root / name)
        other.root.mkdir()
        other.hub.symlink_to(self.hub)
        self.git("clone", "--quiet", str(self.hub), str(other.work), folder=self.root)
        other.set_up(self.root / "key")
        return other

    def set_up(self, key: Path) -> None:
        for name, value in {
            "user.name": "Pat",
            "user.email": "pat@home.example",
            "gpg.format": "ssh",
            "user.signingkey": f"{key}.pub",
            "gpg.ssh.allowedSignersFile": f"{key}.signers",
        }.items():
            self.git("config", name, value)


def clean_environment() -> dict[str, str]:
    """Nothing of whoever runs the tests decides how git behaves."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "SSH_"))}
    return {**kept, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def make_repository(root: Path, files: Mapping[str, str]) -> AppRepository:
    """Its first commit is pushed, and nothing is published."""
    home = AppRepository(root)
    key = root / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=60)
    public = key.with_suffix(".pub").read_text(encoding="utf-8")
    key.with_suffix(".signers").write_text(f"pat@home.example {public}", encoding="utf-8")
    home.git("init", "--quiet", "--bare", "--initial-branch", "main", str(home.hub), folder=root)
    home.git("init", "--quiet", "--initial-branch", "main", str(home.work), folder=root)
    home.set_up(key)
    home.git("remote", "add", "origin", str(home.hub))
    home.write(files)
    home.commit("first")
    return home


def make_files(host: str, *apps: str) -> dict[str, str]:
    return {
        f"hosts/{host}/_harbormaster.yml": write_configuration(host, *apps),
        **{f"apps/{app}/compose.yaml": COMPOSE.format(app=app, tag=1) for app in apps},
    }

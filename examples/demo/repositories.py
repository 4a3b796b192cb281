"""The demo's playbook and vault repositories: made here, served within the lab by real git over SSH."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from demo.stage import LAB, DemoError, Stage, tell

EXAMPLES = Path(__file__).parents[1]
BRANCHES = ("lab", "prod")
PLAYBOOKS, VAULT = "pegasus-playbooks", "pegasus-vault"


@dataclass
class Repositories:
    """``keys`` holds the private halves of the people's keys: `ops` signs the commits."""

    stage: Stage
    keys: Path

    @property
    def playbooks(self) -> Path:
        return self.stage.site.parent / PLAYBOOKS

    @property
    def vault(self) -> Path:
        return self.stage.site.parent / VAULT

    def make(self) -> None:
        """Both, as they are before the control node is there. Safe to repeat."""
        if not (self.playbooks / ".git").exists():
            shutil.copytree(EXAMPLES / PLAYBOOKS, self.playbooks, dirs_exist_ok=True)
            self._begin(self.playbooks)
        if not (self.vault / ".git").exists():
            for branch in BRANCHES:
                folder = self.vault / branch / "group_vars" / "all"
                folder.mkdir(parents=True, exist_ok=True)
                (self.vault / branch / "hosts.yml").write_text("all: {}\n")
                (folder / "vault.yml").write_text("{}\n")
            self._begin(self.vault)
        self.stage.homeprod("render", "--to", str(self.playbooks))
        self.commit(self.playbooks, "the rendered site")
        self.commit(self.vault, "an empty vault")
        for name in (PLAYBOOKS, VAULT):
            verb = "push" if name in self.stage.ask("lab", "repository", "list", LAB) else "add"
            self.stage.lab("repository", verb, LAB, name, "--from", str(self.stage.site.parent / name))

    def authorize(self, deploy: dict[str, str]) -> None:
        """Let the control node's deploy keys read, each its repository and no other."""
        for name, repository in (("playbooks", PLAYBOOKS), ("vault", VAULT)):
            file = self.stage.site.parent / f"deploy-{name}.pub"
            file.write_text(f"{deploy[name]}\n")
            self.stage.lab("repository", "authorize", LAB, repository, str(file))

    def keep_secret(self, text: str) -> None:
        """Vault text, as lab-ansible made it, for the hosts of the lab."""
        file = self.vault / "lab" / "group_vars" / "all" / "vault.yml"
        file.write_text(f"{text}\n")
        self.commit(self.vault, "a secret for lab-proxy")
        self.push(self.vault)

    def push(self, folder: Path) -> None:
        self.stage.lab("repository", "push", LAB, folder.name, "--from", str(folder))

    def commit(self, folder: Path, message: str) -> None:
        """Signed, where there is anything to commit; every environment's branch has it."""
        self._git(folder, "add", "--all")
        if self._git(folder, "status", "--porcelain"):
            self._git(folder, "commit", "--quiet", "--gpg-sign", "--message", message)
            for branch in BRANCHES:
                self._git(folder, "branch", "--force", branch, "main")

    def _begin(self, folder: Path) -> None:
        self._git(folder, "init", "--quiet", "--initial-branch", "main")
        for name, value in (
            ("user.name", "ops"),
            ("user.email", "ops@demo.invalid"),
            ("gpg.format", "ssh"),
            ("user.signingKey", str(self.keys / "ops")),
            ("commit.gpgSign", "true"),
        ):
            self._git(folder, "config", name, value)

    def _git(self, folder: Path, *words: str) -> str:
        done = subprocess.run(("git", "-C", str(folder), *words), capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoError(f"git {words[0]} failed in {folder}: {done.stderr.strip()}")
        return done.stdout


def make_secret() -> str:
    tell("a secret is made, which only lab-proxy is to have")
    return secrets.token_urlsafe(24)

"""The demo's playbook, vault and app repositories: made here, served within the lab by real git over SSH."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from demo.stage import LAB, DemoError, Stage, tell

from homeprod.lab.folder import find_folder
from homeprod.lab.repository.store import Store

EXAMPLES = Path(__file__).parents[1]
BRANCHES = ("lab", "prod")
PLAYBOOKS, VAULT, APPS = "pegasus-playbooks", "pegasus-vault", "pegasus-apps"
APP_HOST = "lab-coder"
PLAYBOOK = "site.yml"
_APP_PLAY = re.compile(r"^- name: Apps that Harbormaster keeps\n(?:(?!- ).*\n)*", re.MULTILINE)


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

    @property
    def apps(self) -> Path:
        return self.stage.site.parent / APPS

    def make(self) -> None:
        """All, as they are before the control node is there. Safe to repeat."""
        if not (self.playbooks / ".git").exists():
            shutil.copytree(EXAMPLES / PLAYBOOKS, self.playbooks, dirs_exist_ok=True)
            self._write_keys(self.playbooks / "host_vars" / f"{APP_HOST}.yml")
            self._hold_back_apps()
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
        self._make_apps()

    def _make_apps(self) -> None:
        """Its main is pushed as by anybody; nothing is published yet, so no host runs anything of it."""
        if not (self.apps / ".git").exists():
            shutil.copytree(EXAMPLES / APPS, self.apps, dirs_exist_ok=True)
            self._begin(self.apps)
            self.git(self.apps, "remote", "add", "origin", str(Store(find_folder(LAB).path).folder / f"{APPS}.git"))
        if APPS not in self.stage.ask("lab", "repository", "list", LAB):
            self.stage.lab("repository", "add", LAB, APPS)
        self.push_apps("the apps of lab-coder")
        self.stage.lab("repository", "authorize", LAB, APPS, str(self._make_key("apps").with_suffix(".pub")))

    def _hold_back_apps(self) -> None:
        """Docker on an emulated machine takes its time: `make demo-ongoing` brings it."""
        book = self.playbooks / PLAYBOOK
        book.write_text(_APP_PLAY.sub("", book.read_text()))

    def bring_app_play(self) -> None:
        """The example's playbook as it is, by a signed commit. Safe to repeat."""
        shutil.copy(EXAMPLES / PLAYBOOKS / PLAYBOOK, self.playbooks / PLAYBOOK)
        self.commit(self.playbooks, f"{APP_HOST} runs apps")
        self.push(self.playbooks)

    def push_apps(self, message: str) -> None:
        """As a person does: a commit, signed, where there is anything to commit, and `git push`."""
        self.git(self.apps, "add", "--all")
        if self.git(self.apps, "status", "--porcelain"):
            self.git(self.apps, "commit", "--quiet", "--message", message)
        tell(f"$ git push   # in {self.apps}: {message}")
        self.git(self.apps, "push", "--quiet", "origin", "main")

    def read_published(self) -> dict[str, str]:
        """The heads of the branches that lab-coder follows, by the app's name, as the git server has them."""
        lines = self.git(self.apps, "ls-remote", "origin", f"refs/heads/deploy/{APP_HOST}/*").splitlines()
        return {name.rpartition("/")[2]: commit for commit, name in map(str.split, lines)}

    def read_deploy_key(self) -> str:
        """The private one, by which lab-coder reads the app repository; it goes into the vault repository."""
        return self._make_key("apps").read_text()

    def _make_key(self, name: str) -> Path:
        file = self.keys / f"deploy-{name}"
        if not file.exists():
            command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{APP_HOST}@demo", "-f", str(file))
            subprocess.run(command, check=True)
        return file

    def _write_keys(self, file: Path) -> None:
        """The demo's own in place of the example's: of the lab's git server, and of who publishes."""
        text = re.sub(r"git\.home\S+ ssh-ed25519 \S+", self.stage.read_git_key(), file.read_text())
        file.write_text(re.sub(r"ssh-ed25519 \S+ ops@pegasus", (self.keys / "ops.pub").read_text().strip(), text))

    def authorize(self, deploy: dict[str, str]) -> None:
        """Let the control node's deploy keys read, each its repository and no other."""
        for name, repository in (("playbooks", PLAYBOOKS), ("vault", VAULT)):
            file = self.stage.site.parent / f"deploy-{name}.pub"
            file.write_text(f"{deploy[name]}\n")
            self.stage.lab("repository", "authorize", LAB, repository, str(file))

    def keep_secret(self, host: str, text: str) -> None:
        """Vault text, as lab-ansible made it."""
        file = self.vault / "lab" / "host_vars" / f"{host}.yml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{text}\n")
        self.commit(self.vault, f"secrets for {host}")
        self.push(self.vault)

    def push(self, folder: Path) -> None:
        self.stage.lab("repository", "push", LAB, folder.name, "--from", str(folder))

    def commit(self, folder: Path, message: str) -> None:
        """Signed, where there is anything to commit; every environment's branch has it."""
        self.git(folder, "add", "--all")
        if self.git(folder, "status", "--porcelain"):
            self.git(folder, "commit", "--quiet", "--gpg-sign", "--message", message)
            for branch in BRANCHES:
                self.git(folder, "branch", "--force", branch, "main")

    def _begin(self, folder: Path) -> None:
        self.git(folder, "init", "--quiet", "--initial-branch", "main")
        for name, value in (
            ("user.name", "ops"),
            ("user.email", "ops@demo.invalid"),
            ("gpg.format", "ssh"),
            ("user.signingKey", str(self.keys / "ops")),
            ("commit.gpgSign", "true"),
        ):
            self.git(folder, "config", name, value)

    def git(self, folder: Path, *words: str) -> str:
        done = subprocess.run(("git", "-C", str(folder), *words), capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoError(f"git {words[0]} failed in {folder}: {done.stderr.strip()}")
        return done.stdout


def make_secret() -> str:
    tell("a secret is made, which only lab-proxy is to have")
    return secrets.token_urlsafe(24)


def ensure_password(keys: Path) -> str:
    """Sean's, for what the app `clock` does not show to everybody; made once, and kept in the lab's folder (0600)."""
    file = keys / "clock.password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(18))
    return file.read_text()

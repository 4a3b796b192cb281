"""A home to rehearse: pegasus, with its playbook and vault repositories, and a person who signs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.records import Person

from homeprod.site.loader import load_site
from homeprod.site.site import Site

EXAMPLES = Path(__file__).parents[3] / "examples"
VAULT = """\
plain: 1
proxy_secret: !vault |
  $ANSIBLE_VAULT;1.2;AES256;prod
  3031
"""
TRIED = "prod-proxy-passthrough"


@dataclass
class Home:
    site: Path
    playbooks: Path
    vault: Path
    person: Person

    def load(self) -> Site:
        return load_site(self.site)

    def edit(self, module: str, old: str, new: str) -> None:
        file = self.site / "modules" / f"{module}.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def commit(self, folder: Path, files: dict[str, str]) -> str:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        run_git(folder, "add", "-A")
        run_git(folder, "commit", "-q", "-m", "x")
        return run_git(folder, "rev-parse", "HEAD")

    def change_role(self) -> str:
        """What the passthrough alone is touched by."""
        book = self.playbooks / "site.yml"
        text = book.read_text().replace("Which name goes to which proxy", "Where each name goes")
        return self.commit(self.playbooks, {"site.yml": text})


def make_home(folder: Path) -> Home:
    """The branch ``prod`` is where the commits begin, here and at the playbooks' git host."""
    site = folder / "pegasus"
    shutil.copytree(EXAMPLES / "pegasus", site, ignore=shutil.ignore_patterns("__pycache__"))
    person = Person("ops")
    config = site / "modules" / "_config.py"
    config.write_text(re.sub(r'"ssh-ed25519 \S+ ops@pegasus"', f'"{person.line}"', config.read_text()))
    for module in (site / "modules").glob("prod_*.py"):
        module.write_text(re.sub(r"\n +counterpart=.*", "", module.read_text()))
    home = Home(site, folder / "playbooks", folder / "vault", person)
    shutil.copytree(EXAMPLES / "pegasus-playbooks", home.playbooks)
    for path, text in {"prod/hosts.yml": "all: {}\n", "prod/group_vars/all/vault.yml": VAULT}.items():
        (home.vault / path).parent.mkdir(parents=True, exist_ok=True)
        (home.vault / path).write_text(text)
    key = person.keep_key(folder)
    for repository in (home.playbooks, home.vault):
        run_git(repository, "init", "-q", "-b", "main")
        for name, value in (("gpg.format", "ssh"), ("user.signingkey", f"{key}.pub"), ("commit.gpgsign", "true")):
            run_git(repository, "config", name, value)
        home.commit(repository, {})
    run_git(home.playbooks, "branch", "prod")
    run_git(folder, "clone", "-q", "--bare", str(home.playbooks), "origin.git")
    run_git(home.playbooks, "remote", "add", "origin", str(folder / "origin.git"))
    return home


def run_git(folder: Path, *words: str) -> str:
    who = {f"GIT_{role}_{fact}": "t@example.net" for role in ("AUTHOR", "COMMITTER") for fact in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    argv = ["git", "-C", str(folder), *words]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

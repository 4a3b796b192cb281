"""A playbook and a vault repository for tests, as a git host would have them: real git, commits really signed."""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.unit.control.runs.node import SETTINGS

from homeprod.control.places import Places
from homeprod.control.settings import EnvironmentSettings, KeyOwner, NodeSettings

INVENTORY = """
all:
  children:
    env_lab:
      hosts:
        lab-proxy:
          ansible_host: 127.0.0.1
          ansible_user: ansible
          ansible_connection: local
          ansible_python_interpreter: "{{ ansible_playbook_python }}"
          homeprod_environment: lab
          homeprod_control_node: lab-ansible
    env_prod:
      hosts:
        prod-proxy: {ansible_host: 10.111.1.2, homeprod_environment: prod, homeprod_control_node: prod-ansible}
    tag_infrastructure:
      hosts: {lab-proxy: {}}
"""
PLAYBOOK = "- hosts: all\n  gather_facts: false\n  tasks: [{name: say, ansible.builtin.debug: {msg: hello}}]\n"
HOSTS = "all: {hosts: {lab-proxy: {}}}\n"


@dataclass(frozen=True)
class Origin:
    """A work tree; what is committed in it is what the node fetches."""

    folder: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, key: Path, files: dict[str, str], branch: str = "lab") -> Origin:
        folder.mkdir()
        origin = cls(folder, key)
        origin.git("init", "-q", "-b", branch)
        origin.commit(files)
        return origin

    @property
    def address(self) -> str:
        return f"file://{self.folder}"

    def commit(self, files: dict[str, str], key: Path | None = None, is_signed: bool = True) -> str:
        for name, text in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "-A")
        sign = ("-S", f"-c user.signingkey={key or self.key}") if is_signed else ("--no-gpg-sign", "")
        settings = sign[1].split()
        self.git("-c", "gpg.format=ssh", *settings, "commit", "-q", "--allow-empty", sign[0], "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        identity = {"GIT_AUTHOR_NAME": "Sean", "GIT_AUTHOR_EMAIL": "sean@example.org"}
        identity |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in identity.items()}
        quiet = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        command = ["git", "-C", str(self.folder), *arguments]
        env = {"PATH": os.environ["PATH"], **identity, **quiet}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
        return done.stdout.strip()


def make_key(folder: Path, name: str) -> Path:
    file = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)], check=True)
    return file


def make_settings(playbooks: str, vault: str, signer: Path) -> NodeSettings:
    public = signer.with_name(f"{signer.name}.pub").read_text()
    return SETTINGS.model_copy(
        update={
            "environments": (EnvironmentSettings(name="lab", branch="lab", user="homeprod-lab"),),
            "signers": (KeyOwner(person="sean", key=public.strip()),),
            "playbooks": playbooks,
            "vault": vault,
        }
    )


@dataclass(frozen=True)
class Setting:
    """Both repositories, a signer's key, and places of the node's own."""

    key: Path
    playbooks: Origin
    vault: Origin
    places: Places
    settings: NodeSettings

    @classmethod
    def make(cls, folder: Path, playbook: str = PLAYBOOK, noise: int = 0) -> Setting:
        """``noise`` is how many bytes that cannot be compressed lie in each repository besides."""
        folder.mkdir(exist_ok=True)
        key, places = make_key(folder, "sean"), Places.below(folder / "node")
        for place in (places.database.parent, places.cache, places.runtime):
            place.mkdir(parents=True)
        more = {"lab/noise": random.Random(1).randbytes(noise // 2).hex()} if noise else {}  # noqa: S311 (no secret)
        files = {"site.yml": playbook, "site/inventory.yml": INVENTORY, **more}
        playbooks = Origin.make(folder / "playbooks", key, files)
        vault = Origin.make(folder / "vault", key, {"lab/hosts.yml": HOSTS, **more}, "main")
        return cls(key, playbooks, vault, places, make_settings(playbooks.address, vault.address, key))

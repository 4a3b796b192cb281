"""What a person would do in place of a control node: fetch both repositories, and have Ansible look, with no more."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.setting.controlnode import PASSWORD
from bench.setting.upkept import Upkept

from homeprod.control.repositories.git import make_ssh_command
from homeprod.control.runs.play import list_ssh_arguments

ANSIBLE = str(Path(sys.executable).with_name("ansible-playbook"))


@dataclass
class Hand:
    """Beside a control node that is measured, with the same repositories, hosts and keys."""

    folder: Path
    node: Upkept
    clones: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        settings = self.node.settings()
        (self.folder / "git_hosts").write_text("\n".join(settings.git_host_keys) + "\n")
        (self.folder / "password").write_bytes(PASSWORD + b"\n")
        self.addresses = (settings.playbooks, settings.vault)
        for address in self.addresses:
            clone = self.folder / f"{Path(address).name}.git"
            subprocess.run(["git", "init", "--quiet", "--bare", str(clone)], check=True)
            self.clones.append(clone)

    def fetch(self) -> None:
        """Both at once, as the node does."""
        agent = str(self.node.places.agent_socket("deploy"))
        ssh = make_ssh_command(self.folder / "git_hosts", None)
        env = {**os.environ, "SSH_AUTH_SOCK": agent, "GIT_SSH_COMMAND": ssh}
        fetches = [
            subprocess.Popen(("git", "--git-dir", str(clone), "fetch", "--quiet", address, "+HEAD:kept"), env=env)
            for clone, address in zip(self.clones, self.addresses, strict=True)
        ]
        assert [fetch.wait() for fetch in fetches] == [0, 0]

    def check_each(self) -> None:
        """An ansible-playbook a host, as many at once as the node has."""
        names = [f"host-{number}" for number in range(self.node.hosts)]
        pool = ThreadPoolExecutor(self.node.settings().parallel_runs)
        with tempfile.TemporaryDirectory(dir=self.folder) as room, pool:
            list(pool.map(lambda name: self._play(Path(room) / name, "--limit", name), names))

    def check_together(self) -> None:
        """One ansible-playbook for all, with as many forks."""
        with tempfile.TemporaryDirectory(dir=self.folder) as room:
            self._play(Path(room) / "all", "--forks", str(self.node.settings().parallel_runs))

    def _play(self, room: Path, *more: str) -> None:
        room.mkdir()
        checkout = self.folder.parent
        known = [f"[127.0.0.1]:{host.port} {self.node.key}" for host in self.node.inventory().values()]
        (room / "known_hosts").write_text(f"{known[0]}\n")
        arguments: Sequence[str] = ("--check", "--diff", "--vault-id", f"lab@{self.folder / 'password'}")
        inventories = ("-i", "site/inventory.yml", "-i", str(checkout / "vault" / "lab"))
        variables = {
            "SSH_AUTH_SOCK": str(self.node.places.agent_socket("lab")),
            "ANSIBLE_SSH_ARGS": shlex.join(list_ssh_arguments(room)),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(room / "cp"),
            "ANSIBLE_SSH_PIPELINING": "True",
            "ANSIBLE_HOME": str(room),
        }
        subprocess.run(
            (ANSIBLE, *arguments, *inventories, *more, "site.yml"),
            cwd=checkout / "playbooks", env={**os.environ, **variables}, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

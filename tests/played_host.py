"""A booted machine that plain ansible-playbook configures, without homeprod."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.booted_guest import BootedGuest

import homeprod
from homeprod.lab.lan.network import Lan

COLLECTIONS = Path(homeprod.__file__).parent / "ansible" / "collections"


class Host:
    """The booted machine as Ansible knows it, and the playbook that is for it."""

    def __init__(self, guest: BootedGuest, folder: Path, playbook: Path) -> None:
        self.guest = guest
        self.folder = folder
        self.playbook = playbook
        self.variables: dict[str, Any] = {
            "ansible_host": "192.0.2.100",
            "ansible_user": "admin",
            "ansible_ssh_private_key_file": str(guest.folder / "key"),
        }

    def play(self, *options: str, name: str = "lab-proxy") -> tuple[int, int]:
        """The status of ansible-playbook, and how many tasks changed something."""
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {name: self.variables}}}))
        ssh = "-F /dev/null -o ControlMaster=auto -o ControlPersist=60"
        ssh += f" -o UserKnownHostsFile={self.guest.folder / 'known'} -o ControlPath={self.folder}/%C"
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_TIMEOUT": "60",
            "ANSIBLE_SSH_ARGS": ssh,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
        }
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), *options]
        done = subprocess.run(
            Lan(self.guest.lab.spec, self.guest.lab.folder).enter([*argv, str(self.playbook)]),
            env=environment, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        self.said = done.stdout + done.stderr
        recap = [line for line in done.stdout.splitlines() if line.startswith(f"{name} ")]
        words = dict(word.split("=") for line in recap for word in line.split() if "=" in word)
        return done.returncode, int(words.get("changed", 0))

"""A control node's keyholder, as a process of its own in a folder of its own."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.light_scrypt import LightWrapping

from homeprod.control.keyholder.client import KeyholderClient
from homeprod.control.keyholder.sealed.public import make_record, write_record
from homeprod.control.keyholder.sockets.wire import Message
from homeprod.control.keyholder.standing import mark_machine
from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.sealing import ScryptWrapping
from homeprod.control.keyring.secrets import make_secrets, public_keys
from homeprod.control.places import Places

PASSPHRASE = b"oyster lantern velvet quarry mimosa"
ME = pwd.getpwuid(os.geteuid()).pw_name
speaks_for_others = pytest.mark.skipif(os.geteuid() != 0, reason="only root speaks for another person")
NODE = "lab-ansible"
MACHINE = "0123456789abcdef0123456789abcdef"
LIMIT = 20.0
"""Seconds to start or to end."""


def make_settings(**changes: Any) -> dict[str, Any]:
    """Of a node whose runs and administrator are whoever runs the tests."""
    settings = {
        "format": 1,
        "site_id": "6f1e7f6e-33b8-4b3c-9d26-0d5f3b1f5a11",
        "site_name": "pegasus",
        "node": NODE,
        "environments": [{"name": name, "branch": name, "user": ME} for name in ("lab", "prod")],
        "administrators": [ME, "sean"],
        "ringers": [],
        "administrator_keys": [],
        "signers": [],
        "playbooks": "ssh://git@git/playbooks.git",
        "vault": "ssh://git@git/vault.git",
    }
    return {**settings, **changes}


class KeyholderNode:
    """Made new; :meth:`start` starts it as systemd would. A Unix socket's path is short, so its folder is too."""

    def __init__(self, **settings: Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kh-", dir="/tmp"))
        self.places = Places.below(self.folder)
        self.places.persistent.mkdir()
        self.places_file = self.folder / "places.json"
        self.places.write(self.places_file)
        self.machine_file = self.folder / "machine-id"
        self.machine_file.write_text(f"{MACHINE}\n")
        self.log = self.folder / "log"
        self.settle(**settings)
        self.process: subprocess.Popen[bytes] | None = None

    def settle(self, **changes: Any) -> None:
        self.places.settings.write_text(json.dumps(make_settings(**changes)))

    def start(self, *options: str, prefix: Sequence[str] = (), **popen: Any) -> KeyholderNode:
        """``prefix`` is a program that runs it."""
        argv = [*prefix, sys.executable, "-m", "homeprod.control.keyholder", "--places", str(self.places_file)]
        argv += [
            "--machine",
            str(self.machine_file),
            "--daemon-user",
            ME,
            "--allow-swap",
            "--delay",
            "0.05",
            *options,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **popen)
        self.client.ask("status")
        return self

    @property
    def client(self) -> KeyholderClient:
        return KeyholderClient(self.places.keyholder_socket, patience=LIMIT)

    def ask(self, verb: str, **options: Any) -> Message:
        """Its answer; bytes are raw fields. Root has to say whom it speaks for."""
        return ask(self.client, verb, **options)

    def state(self) -> str:
        return str(self.client.ask("status").fields["state"])

    def read_agent(self, name: str) -> str:
        """What `ssh-add -l` prints of an agent's keys."""
        env = {"PATH": "/usr/bin:/bin", "SSH_AUTH_SOCK": str(self.places.agent_socket(name))}
        return subprocess.run(["ssh-add", "-l"], env=env, capture_output=True, text=True, timeout=LIMIT).stdout

    def take(self, persistent: Path) -> KeyholderNode:
        """A copy of a data disk that :func:`bootstrapped` made, since sealing takes seconds."""
        shutil.copytree(persistent, self.places.persistent, dirs_exist_ok=True)
        return self

    def make_ready(self) -> KeyholderNode:
        self.start()
        self.ask("unlock", passphrase=PASSPHRASE)
        return self

    def wait(self) -> int:
        """For its end; the exit code."""
        assert self.process is not None
        return self.process.wait(LIMIT)

    def list_agents(self) -> list[int]:
        """Processes of agents that this keyholder's sockets belong to."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if line.startswith(b"ssh-agent\0") and str(self.places.runtime).encode() in line:
                    found.append(int(entry.name))
        return found

    def await_no_agents(self) -> None:
        until = time.monotonic() + LIMIT
        while self.list_agents():
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.01)

    def __enter__(self) -> KeyholderNode:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)


def ask(client: KeyholderClient, verb: str, **options: Any) -> Message:
    raw = {name: value for name, value in options.items() if isinstance(value, bytes | bytearray)}
    fields = {name: value for name, value in options.items() if name not in raw}
    return client.ask(verb, raw, **{"administrator": ME, **fields})


@dataclass(frozen=True)
class Disk:
    """A data disk as a first machine's bootstrap leaves it: ``identity`` is the recovery identity."""

    folder: Path
    public: dict[str, Any]
    identity: bytes


def make_disk(folder: Path, wrapping: ScryptWrapping | None = None, **passphrases: bytes) -> Disk:
    """With a keyring of ours, and of others by name; quick to open (:mod:`tests.light_scrypt`) unless ``wrapping``
    says otherwise."""
    places = Places(persistent=folder)
    keyring = Keyring(places.keyring_folder, wrapping=wrapping or LightWrapping())
    secrets = make_secrets(NODE, ("lab", "prod"))
    identity = keyring.create(secrets, ME, PASSPHRASE)
    for name, passphrase in passphrases.items():
        keyring.add_administrator(secrets, name, passphrase)
    public = make_record(NODE, public_keys(secrets))
    write_record(places.public_file, public)
    mark_machine(places, MACHINE)
    return Disk(folder, public, identity.encode())

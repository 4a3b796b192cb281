"""A host to be configured over real ssh: an sshd on loopback with a host key of its own, and an agent to log in by.

It serves the user that runs the tests, and nobody else.
"""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/person.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
"""


@dataclass(frozen=True)
class SshHost:
    port: int
    key: str
    agent: Path
    log: Path

    @property
    def user(self) -> str:
        return getpass.getuser()

    @property
    def inventory(self) -> str:
        python = 'ansible_python_interpreter: "{{ ansible_playbook_python }}"'
        facts = f"ansible_host: 127.0.0.1, ansible_port: {self.port}, ansible_user: {self.user}, {python}"
        return f"all: {{hosts: {{lab-proxy: {{{facts}}}}}}}\n"

    def known_as(self, key: str) -> str:
        return f"[127.0.0.1]:{self.port} {key}"


@contextmanager
def serve_ssh(folder: Path) -> Iterator[SshHost]:
    for name in ("host", "person"):
        make_key(folder / name)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where its parts that may do nothing live
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(_CONFIGURATION.format(port=port, folder=folder))
    log = folder / "sshd.log"
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(folder / "sshd_config"), "-E", str(log)])
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(folder / "agent")], stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        while not (folder / "agent").exists() and agent.poll() is None:
            time.sleep(0.01)
        env = {**os.environ, "SSH_AUTH_SOCK": str(folder / "agent")}
        subprocess.run(["ssh-add", "-q", str(folder / "person")], check=True, env=env, capture_output=True)
        yield SshHost(port, read_key(folder / "host"), folder / "agent", log)
    finally:
        for process in (sshd, agent):
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def make_key(file: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return read_key(file)


def read_key(file: Path) -> str:
    return " ".join(file.with_name(f"{file.name}.pub").read_text().split()[:2])


def wait_for_port(port: int, tries: int = 500) -> None:
    for _ in range(tries):
        with socket.socket() as probe:
            probe.settimeout(0.1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens on port {port}")

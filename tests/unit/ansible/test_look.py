"""What the roles ask of a machine, answered by machines made of files."""

from __future__ import annotations

import hashlib
import os
import pwd
import subprocess
from pathlib import Path
from typing import Any

import yaml
from tests.unit.ansible.test_collection import COLLECTION


def look(*arguments: str, programs: dict[str, str], folder: Path, role: str = "base") -> dict[str, Any]:
    """``programs`` stand in for the machine's own of these names: the body of a shell script each."""
    for name, body in programs.items():
        file = folder / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "SUDO_USER": "ansible"}
    script = (COLLECTION / "roles" / role / "files" / "look.sh").read_text()
    argv = ["/bin/sh", "-c", script, "look.sh", *arguments]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(yaml.safe_load(done.stdout))


def test_a_machine_that_has_nothing(tmp_path: Path) -> None:
    programs = {"getent": "exit 2", "systemctl": "exit 3", "dpkg-query": "exit 1", "uname": "echo other"}
    seen = look("web", "people", "sudo nginx", "sean", programs=programs, folder=tmp_path)
    assert (seen["named"], seen["grouped"], seen["members"]) == (False, False, [])
    assert seen["missing"] == ["sudo", "nginx"]
    assert (seen["accounts"], seen["keys"]) == (None, {"sean": ""})
    assert seen["runs"] is None
    assert seen["login"] == "ansible"
    assert not seen["agent_port"]


def test_a_machine_that_has_all(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    home = tmp_path / "home"
    (home / ".ssh").mkdir(mode=0o700, parents=True)
    keys = home / ".ssh" / "authorized_keys"
    keys.write_text("ssh-ed25519 AAAA\n")
    keys.chmod(0o600)
    programs = {
        "getent": f'case $1 in group) echo "people:x:7:{me},zoe" ;; *) echo "$2:x:1:1::{home}:/bin/sh" ;; esac',
        "systemctl": "exit 0",
        "dpkg-query": "printf 'installed sudo\\ninstalled nginx:amd64\\nconfig-files gone\\n'; exit 1",
    }
    arguments = ("web", "people", "sudo nginx gone never", me)
    seen = look(*arguments, programs=programs, folder=tmp_path)
    assert (seen["grouped"], seen["members"]) == (True, [me, "zoe"])
    assert seen["missing"] == ["gone", "never"]
    assert seen["accounts"] == [me]
    assert seen["keys"] == {me: hashlib.sha256(keys.read_bytes()).hexdigest()}
    assert seen["runs"] == ["qemu-guest-agent.service", "systemd-timesyncd.service"]

    keys.chmod(0o644)  # what others can read is as if it were not there, so it is written anew
    assert look(*arguments, programs=programs, folder=tmp_path)["keys"] == {me: ""}


def test_a_control_node(tmp_path: Path) -> None:
    settings, persistent = tmp_path / "etc", tmp_path / "data"
    (settings / "tls").mkdir(parents=True)
    (persistent / "keyring").mkdir(parents=True)
    (settings / "tls" / "key.pem").touch()
    for path, mode in ((settings, 0o755), (settings / "tls", 0o775), (persistent, 0o755)):
        path.chmod(mode)
    (persistent / "keyring").chmod(0o700)
    (settings / "tls" / "key.pem").chmod(0o644)
    arguments = (str(settings), str(persistent))
    seen = look(*arguments, programs={"mountpoint": "exit 1"}, folder=tmp_path, role="control_node")
    assert (seen["mounted"], seen["private"]) == (False, [str(settings / "tls" / "key.pem")])
    assert seen["folders"] == [str(settings / "tls")]
    (settings / "tls" / "key.pem").chmod(0o640)
    seen = look(*arguments, programs={"mountpoint": "exit 0"}, folder=tmp_path, role="control_node")
    assert (seen["mounted"], seen["private"]) == (True, None)

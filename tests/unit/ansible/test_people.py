"""Whom the role base lets in and locks out, with real accounts: below an /etc and a /home of the test's own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.ansible.test_collection import COLLECTION, COLLECTIONS

pytestmark = pytest.mark.slow

KEYS = COLLECTION / "roles" / "base" / "files" / "keys.sh"
GROUP = "homeprod-people"
PLAY = f"""
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.command:
        argv: [/bin/sh, -c, "{{{{ lookup('file', look) }}}}", look.sh, host, {GROUP}, "", "{{{{ person }}}}"]
      register: base_look
      check_mode: false
    - ansible.builtin.include_role: {{name: homeprod.site.base, tasks_from: people}}
    - ansible.builtin.include_role: {{name: homeprod.site.base, tasks_from: gone}}
"""


class Machine:
    """This machine, with other accounts and homes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home" / "zoe"
        self.victim = folder / "etc" / "victim"
        for name in ("home", "ansible"):
            (folder / name).mkdir()
        shutil.copytree("/etc", folder / "etc", symlinks=True, ignore_dangling_symlinks=True)
        (folder / "play.yml").write_text(PLAY)
        self.victim.mkdir(mode=0o755)
        (self.victim / "authorized_keys").write_text("somebody else's\n")

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        binds = " && ".join(f'mount --bind "{self.folder}/{name}" /{name}' for name in ("etc", "home"))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "NO_COLOR": "1",
        }
        enter = ("unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", f'{binds} && exec "$@"', "sh")
        return subprocess.run(
            [*enter, *argv],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def play(self, *people: dict[str, Any], check: bool = False) -> int:
        """How many tasks changed something."""
        sudoers = self.folder / "etc" / "sudoers.d" / "90-cloud-init-users"
        sudoers.parent.mkdir(exist_ok=True)  # as the role would write it, so that no visudo is needed
        header = "# Written by Ansible (homeprod.site.base), in place of cloud-init's.\n"
        sudoers.write_text(f"{header}deploy ALL=(ALL) NOPASSWD:ALL\n")
        sudoers.chmod(0o440)
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_user": "deploy",
            "homeprod_people": people,
            "look": str(COLLECTION / "roles" / "base" / "files" / "look.sh"),
            "person": "zoe" if people else "",
        }
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"host": host}}}))
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        done = self.run(program, *(["--check"] if check else []), "-i", "hosts.yml", "play.yml")
        assert done.returncode == 0, done.stdout + done.stderr
        [recap] = [line for line in done.stdout.splitlines() if line.startswith("host ")]
        words = dict(word.split("=") for word in recap.split() if "=" in word)
        return int(words["changed"]) - 1  # the look of this play

    def lead_astray(self) -> None:
        """What zoe may do in her own home: her folder of keys is somebody else's."""
        shutil.rmtree(self.home / ".ssh")
        (self.home / ".ssh").symlink_to("/etc/victim")

    def assert_victim_is_untouched(self) -> None:
        status = self.victim.stat()
        assert (status.st_uid, status.st_mode & 0o777) == (0, 0o755)
        assert [path.name for path in self.victim.iterdir()] == ["authorized_keys"]
        assert (self.victim / "authorized_keys").read_text() == "somebody else's\n"


@pytest.mark.namespace
@pytest.mark.skipif(os.geteuid() != 0, reason="makes accounts, in a mount namespace: run as root")
def test_nobody_leads_root_out_of_their_home(tmp_path: Path) -> None:
    """One life, in order: each play costs seconds."""
    machine = Machine(tmp_path)
    zoe = {"name": "zoe", "keys": [" ssh-ed25519 AAAA one ", "ssh-ed25519 BBBB two"], "sudo": False}
    machine.play(zoe)
    file = machine.home / ".ssh" / "authorized_keys"
    assert file.read_text() == "ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n"
    assert file.stat().st_uid == machine.home.stat().st_uid != 0
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert machine.play(zoe) == 0

    machine.lead_astray()
    assert machine.play(zoe, check=True) > 0  # told, and not done
    assert (machine.home / ".ssh").is_symlink()
    assert machine.play(zoe) > 0
    machine.assert_victim_is_untouched()
    assert len(file.read_text().splitlines()) == 2

    machine.lead_astray()
    machine.home.chmod(0o500)
    assert machine.play() > 0
    assert not file.exists()
    machine.assert_victim_is_untouched()
    assert machine.run("getent", "passwd", "zoe").stdout.strip().endswith(":/usr/sbin/nologin")
    assert machine.run("getent", "group", GROUP).stdout.strip().endswith(":")
    assert machine.run("getent", "shadow", "zoe").stdout.split(":")[7] == "1"


def keep_keys(home: Path, *keys: str) -> None:
    """As whoever runs the tests, who is given another home."""
    programs = home.parent / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "getent").write_text(f'#!/bin/sh\necho "$2:x:1:1::{home}:/bin/sh"\n')
    (programs / "getent").chmod(0o755)
    me = pwd.getpwuid(os.geteuid()).pw_name
    subprocess.run(
        ["/bin/sh", "-c", KEYS.read_text(), "keys.sh", me, *keys],
        env={"PATH": f"{programs}:{os.environ['PATH']}"}, check=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("before", ["nothing", "link", "file", "a folder for a file", "a link for a file", "half"])
def test_whatever_lies_there_the_keys_are_there_and_then_gone(tmp_path: Path, before: str) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    file = home / ".ssh" / "authorized_keys"
    elsewhere.mkdir(mode=0o755)
    (elsewhere / "authorized_keys").write_text("other\n")
    home.mkdir()
    if before == "link":
        file.parent.symlink_to(elsewhere)
    elif before == "file":
        file.parent.write_text("")
    elif before != "nothing":
        file.parent.mkdir(mode=0o755)
        if before == "a folder for a file":
            (file / "below").mkdir(parents=True)
        elif before == "a link for a file":
            file.symlink_to(elsewhere / "authorized_keys")
        else:
            file.with_name("authorized_keys.half").symlink_to(elsewhere / "authorized_keys")
    keep_keys(home, "ssh-ed25519 AAAA it's mine", "two")
    assert file.read_text() == "ssh-ed25519 AAAA it's mine\ntwo\n"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    keep_keys(home)
    assert list(file.parent.iterdir()) == []
    assert (elsewhere / "authorized_keys").read_text() == "other\n"
    assert elsewhere.stat().st_mode & 0o777 == 0o755

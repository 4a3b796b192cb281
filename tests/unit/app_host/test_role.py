"""The role app_host, by the real ansible-playbook, on a Debian 13 without systemd: all but the units' start."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.docker_machine import LIMIT, ROLE, DockerMachine
from tests.kept_host import KeptHost, compose

COLLECTIONS = ROLE.parents[4]
CANARY = "hunter2-canary"
CAPABILITIES = "+chown,+dac_override,+fowner"
PLAY = "- hosts: all\n  gather_facts: false\n  roles: [homeprod.site.app_host]\n"


class Play:
    """Into the machine by nsenter, as if it were ssh."""

    def __init__(self, machine: DockerMachine, folder: Path, **variables: Any) -> None:
        self.folder, self.variables = folder, variables
        (folder / "play.yml").write_text(PLAY)
        enter = shlex.join(machine.enter())
        (folder / "ssh").write_text(f'#!/bin/sh\nfor last; do :; done\nexec {enter} sh -c "$last"\n')
        (folder / "ssh").chmod(0o755)

    def run(self, *options: str, **variables: Any) -> tuple[int, int]:
        """The status of ansible-playbook, and how many tasks changed something."""
        how = {
            "ansible_ssh_executable": str(self.folder / "ssh"), "ansible_ssh_transfer_method": "piped",
            "ansible_user": "root", "ansible_python_interpreter": "/usr/bin/python3", "ansible_ssh_args": "",
        }  # fmt: skip
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"lab-coder": how | self.variables | variables}}}))
        environment = {
            **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_HOME": str(self.folder / "home"), "NO_COLOR": "1",
        }  # fmt: skip
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), *options, "play.yml"]
        done = subprocess.run(
            argv, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        self.said = done.stdout + done.stderr
        recap = [line for line in done.stdout.splitlines() if line.startswith("lab-coder ")]
        words = dict(word.split("=") for line in recap for word in line.split() if "=" in word)
        return done.returncode, int(words.get("changed", 0))


@pytest.fixture
def play(host: KeptHost, tmp_path: Path) -> Play:
    public = Path(f"{host.repository.key}.pub").read_text()
    return Play(
        host.machine, tmp_path,
        app_host_repository=host.settings["repository"],
        app_host_signers=[{"name": "zoe", "keys": [public]}],
        app_host_protocols=["file"],
        app_host_folder=f"{host.inside}/kept",
        app_secrets={"wiki": {"app.env": f"PASSWORD={CANARY}\n", "old": "x"}},
        app_host_registries={"registry.example": {"username": "u", "password": CANARY}},
        app_host_deploy_key=f"{CANARY}\n",
    )  # fmt: skip


def test_a_machine_becomes_a_kept_one(host: KeptHost, play: Play) -> None:
    status, _ = play.run("--diff", "-vvv")
    assert status == 0, play.said
    assert CANARY not in play.said
    run = host.machine.run
    secret = "/etc/homeprod/apps/wiki/app.env"
    for file in (secret, "/etc/homeprod/docker/config.json", "/etc/homeprod/apps.key"):
        assert run("stat", "-c", "%U %a", file) == "root 600\n"
        assert CANARY in run("cat", file) or "registry.example" in run("cat", file)
    assert run("stat", "-c", "%a", "/etc/homeprod/apps", "/etc/homeprod/docker").split() == ["700", "700"]
    host.publish("wiki", compose(env_file=[secret]))
    host.configure({"wiki": {}})
    confined = f"exec setpriv --no-new-privs --bounding-set=-all,{CAPABILITIES} homeprod-apps run"
    run("unshare", "--mount", "sh", "-c", f"mount -o remount,bind,ro / && {confined}")
    assert "wiki" in run("homeprod-apps", "status")
    expect_units(host.machine)
    assert host.list_running().keys() == {"wiki-web-1"}
    secrets = {"wiki": {"app.env": f"PASSWORD={CANARY}\n"}}
    assert play.run(app_secrets=secrets) == (0, 1), "equal input changes nothing, and what is gone goes"
    assert run("ls", "/etc/homeprod/apps/wiki") == "app.env\n"


def expect_units(machine: DockerMachine) -> None:
    """As systemd itself reads them; it is not there to run them."""
    folder = machine.srv / "units"
    folder.mkdir()
    for name in ("homeprod-apps.service", "homeprod-apps.timer"):
        text = machine.run("cat", f"/etc/systemd/system/{name}")
        (folder / name).write_text(text.replace("/usr/local/lib/homeprod-apps/homeprod-apps", "/bin/true"))
    service = (folder / "homeprod-apps.service").read_text()
    kept = CAPABILITIES.upper().replace("+", "CAP_").replace(",", " ")
    assert f"\nCapabilityBoundingSet={kept}\n" in service
    files = sorted(map(str, folder.iterdir()))
    for words in (("verify", "--man=no", *files), ("security", "--offline=yes", "--threshold=40", files[0])):
        done = subprocess.run(("systemd-analyze", "--no-pager", *words), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.soak
def test_check_mode_tells_and_changes_nothing(host: KeptHost, play: Play) -> None:
    """Also of a machine that was never one."""
    host.machine.run(
        "rm", "-rf", "/etc/homeprod", "/etc/systemd/system/homeprod-apps.timer", "/usr/local/bin/homeprod-apps"
    )
    status, changed = play.run("--check", "--diff", "-vvv")
    assert (status, changed > 5) == (0, True), play.said
    assert CANARY not in play.said
    assert host.machine.try_to("ls", "/etc/homeprod", "/usr/local/bin/homeprod-apps").stdout == ""


def test_what_is_refused_before_anything_is_changed(host: KeptHost, play: Play) -> None:
    assert play.run(app_host_signers=[]) == (2, 0)
    assert "nobody may sign what lab-coder runs" in play.said
    os_release = host.machine.run("cat", "/usr/lib/os-release")
    try:
        host.machine.run("sh", "-c", "cat >/usr/lib/os-release", given=os_release.replace('"13"', '"12"'))
        assert play.run() == (2, 0)
    finally:
        host.machine.run("sh", "-c", "cat >/usr/lib/os-release", given=os_release)
    assert "lab-coder has debian-12, whose own packages have no docker compose 2" in play.said.replace("\n", " ")

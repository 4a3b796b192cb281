"""Ansible's own programs take the rendered inventory and a vault repository as they are, without homeprod."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.home import PEGASUS

from homeprod.site.loader import load_site
from homeprod.site.rendered.files import render_site

CANARY = "canary-of-the-vault"
PLAY = """
- hosts: lab-proxy
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - ansible.builtin.copy: {content: "{{ demo_secret }}", dest: "{{ playbook_dir }}/delivered", mode: "0600"}
      no_log: true
"""


def run(folder: Path, program: str, *arguments: str, given: str | None = None) -> str:
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [str(programs / program), *arguments],
        cwd=folder,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "ANSIBLE_HOME": str(folder / "home")},
        input=given,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def repositories(tmp_path: Path) -> Path:
    """``playbooks`` with the rendered site, ``vault`` with a value that the real ansible-vault encrypted."""
    for name, text in render_site(load_site(PEGASUS)).items():
        file = tmp_path / "playbooks" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "playbooks" / "site.yml").write_text(PLAY)
    (tmp_path / "password").write_text("a password of the test's\n")
    vault = tmp_path / "vault" / "lab"
    (vault / "group_vars" / "all").mkdir(parents=True)
    (vault / "hosts.yml").write_text("all: {}\n")
    options = ("--vault-id", "lab@password", "--encrypt-vault-id", "lab", "--stdin-name", "demo_secret")
    (vault / "group_vars" / "all" / "vault.yml").write_text(
        run(tmp_path, "ansible-vault", "encrypt_string", *options, given=CANARY)
    )
    assert CANARY not in (vault / "group_vars" / "all" / "vault.yml").read_text()
    return tmp_path


SOURCES = ("-i", "playbooks/site/inventory.yml", "-i", "vault/lab", "--vault-id", "lab@password")


def test_ansible_inventory_reads_both(repositories: Path) -> None:
    known = json.loads(run(repositories, "ansible-inventory", *SOURCES, "--list"))
    assert "lab-proxy" in known["env_lab"]["hosts"]
    assert "lab-proxy" in known["tag_infrastructure"]["hosts"]
    host = json.loads(run(repositories, "ansible-inventory", *SOURCES, "--host", "lab-proxy"))
    assert host["ansible_host"] == "10.111.1.212"
    assert [person["name"] for person in host["homeprod_people"]] == ["sean"]


def test_ansible_playbook_delivers_what_ansible_vault_encrypted(repositories: Path) -> None:
    said = run(repositories, "ansible-playbook", *SOURCES, "--diff", "-vv", "playbooks/site.yml")
    assert (repositories / "playbooks" / "delivered").read_text() == CANARY
    assert CANARY not in said

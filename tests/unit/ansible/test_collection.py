"""The collection homeprod.site and the example's playbooks, without a machine."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import homeprod

ROOT = Path(__file__).parents[3]
COLLECTIONS = Path(homeprod.__file__).parent / "ansible" / "collections"
COLLECTION = COLLECTIONS / "ansible_collections" / "homeprod" / "site"
PLAYBOOKS = ROOT / "examples" / "pegasus-playbooks"
ROLES = sorted(path for path in (COLLECTION / "roles").iterdir())


def _run(program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = Path(sys.executable).parent
    environment = {
        "PATH": f"{path}:{os.environ['PATH']}",
        "HOME": str(cwd),
        "ANSIBLE_HOME": str(cwd / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "NO_COLOR": "1",
    }
    argv = [str(path / program), *arguments]
    return subprocess.run(argv, env=environment, cwd=cwd, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.slow
def test_ansible_lint_finds_nothing(tmp_path: Path) -> None:
    """The profile `production`, offline: no other collection is needed."""
    done = _run(
        "ansible-lint", "--offline", "--nocolor", "--profile", "production", str(COLLECTION), str(PLAYBOOKS),
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [said] = re.findall(r"(\d+) files processed", done.stdout + done.stderr)
    assert int(said) > 25


def _list_modules(tasks: list[dict[str, Any]]) -> Iterator[str]:
    for task in tasks:
        for part in ("block", "rescue", "always"):
            yield from _list_modules(task.get(part, []))
        yield from (word for word in task if "." in word)


def test_only_modules_that_come_with_ansible_or_the_collection_are_used() -> None:
    files = [*COLLECTION.rglob("tasks/*.yml"), *COLLECTION.rglob("handlers/*.yml"), *PLAYBOOKS.rglob("tasks/*.yml")]
    modules = [module for file in files for module in _list_modules(yaml.safe_load(file.read_text()))]
    assert len(modules) > 30
    plugins = [*(COLLECTION / "plugins" / "action").glob("*.py"), *(COLLECTION / "plugins" / "modules").glob("*.py")]
    ours = {f"homeprod.site.{path.stem}" for path in plugins}
    assert {module for module in modules if not module.startswith("ansible.builtin.")} <= ours


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_variable_is_described_and_has_its_default(role: Path) -> None:
    spec = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    assert defaults.keys() == {name for name, option in spec["options"].items() if not option.get("required")}
    described = {name: option["default"] for name, option in spec["options"].items() if "default" in option}
    assert {name: defaults[name] for name in described} == described
    assert (role / "README.md").exists()


def test_the_page_is_what_would_be_generated() -> None:
    page = (ROOT / "docs" / "reference" / "roles.md").read_text(encoding="utf-8")
    assert page == runpy.run_path(str(ROOT / "docs" / "generate" / "roles.py"))["render_page"](), "run make docs"


def test_a_plain_ansible_playbook_takes_the_examples_playbook(tmp_path: Path) -> None:
    """Without homeprod and without an ansible.cfg: the inventory, one task listed after the other."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {lab-proxy: {demo_secret: x}, lab-coder: {}}}\n")
    done = _run("ansible-playbook", "-i", str(inventory), "--list-tasks", str(PLAYBOOKS / "site.yml"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "homeprod.site.base : Harden sshd" in done.stdout
    assert "demo_secret : Deliver the secret" in done.stdout


def test_a_secret_is_never_told(tmp_path: Path) -> None:
    """Not by a task that fails, as verbose as can be."""
    inventory = tmp_path / "hosts.yml"
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "demo_secret": "canary"}
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"lab-proxy": host}}}))
    play = tmp_path / "play.yml"
    play.write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        f"    - ansible.builtin.include_role: {{name: {PLAYBOOKS}/roles/demo_secret}}\n"
    )
    options = ("--check", "--diff", "-vvvv")
    done = _run("ansible-playbook", "-i", str(inventory), *options, str(play), cwd=tmp_path)
    assert "Deliver the secret" in done.stdout
    assert "canary" not in done.stdout + done.stderr


WRONG = {
    "a": ({"ansible_user": "root"}, "Ansible logs in as root, and this role forbids that"),
    "b": ({"base_people": [{"name": "deploy", "keys": ["ssh-ed25519 AAAA"]}]}, "deploy is whom Ansible logs in as"),
    "c": ({"base_people": [{"name": "zoe"}]}, "missing required arguments: keys"),
    "d": ({"base_people": [{"name": "zoe", "keys": []}]}, "zoe could not log in"),
}


def test_base_refuses_before_it_changes_anything(tmp_path: Path) -> None:
    """In check mode, on this very machine."""
    plain = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_user": "deploy"}
    hosts = {name: plain | wrong for name, (wrong, _) in WRONG.items()}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    (tmp_path / "play.yml").write_text("- hosts: all\n  gather_facts: false\n  roles: [homeprod.site.base]\n")
    done = _run("ansible-playbook", "--check", "-i", "hosts.yml", "play.yml", cwd=tmp_path)
    assert done.returncode == 2
    lines = [line for line in done.stdout.splitlines() if line.startswith("fatal:")]
    for name, (_, words) in WRONG.items():
        [line] = [line for line in lines if f"[{name}]" in line]
        assert words in line
    assert "Have the packages" not in done.stdout

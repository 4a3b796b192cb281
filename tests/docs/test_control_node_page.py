"""The whole way of docs/how-to/control-node.md, as far as it needs no machine: every fenced file is written and every
fenced command run, in their order. The commands that are only indented there need a Proxmox, a git host or the node.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeprod.control.places import Places
from homeprod.control.repositories.repositories import Checkout, Repositories
from homeprod.control.settings import NodeSettings, parse_settings
from homeprod.site.example import KEY, find_examples
from homeprod.site.loader import load_site

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "control-node.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAM = f'#!/bin/sh\nexec {sys.executable} -P -m homeprod "$@"\n'
pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")]


@dataclass(frozen=True)
class Walk:
    """What a person has who did as the page says, below ``home``; ``said`` is all that they saw."""

    home: Path
    said: str

    @property
    def settings(self) -> NodeSettings:
        """The rendered ones, of a node that fetches from where the person works."""
        file = self.home / "playbooks" / "site" / "lab-ansible.json"
        near = {name: f"file://{self.home / name}" for name in ("playbooks", "vault")}
        return parse_settings(file.read_bytes(), str(file)).model_copy(update=near)

    def fetch(self, places: Places) -> Checkout:
        return asyncio.run(Repositories(lambda: self.settings, places).fetch("lab"))

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return _run(self.home, script)


def _run(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "SSH_", "HOMEPROD_"))}
    own = {"HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ("bash", "-eu"),
        input=script,
        cwd=home,
        env={**plain, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )


def _write_script() -> str:
    """The page's fenced blocks as one script; a file is written where the commands before it have led."""
    parts = []
    for kind, body in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "python":
            file = re.match(r"# (modules/\w+\.py)", body)
            assert file, f"a file of the page does not say its name: {body.splitlines()[0]}"
            body = f"cat > {file[1]} <<'END_OF_FILE'\n{body}END_OF_FILE\n"
        parts.append(body)
    return "".join(parts)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """From where docs/start.md ends: a first site with a person's own key in it."""
    home = tmp_path_factory.mktemp("person")
    (home / "bin").mkdir()
    (home / "bin" / "homeprod").write_text(PROGRAM)
    (home / "bin" / "homeprod").chmod(0o755)
    (home / ".gitconfig").write_text("[user]\n\tname = You\n\temail = you@home.example\n")
    key = home / ".ssh" / "id_ed25519"
    begun = _run(home, f"mkdir -m 700 .ssh\nssh-keygen -q -t ed25519 -N '' -f {key}\nhomeprod init home")
    assert begun.returncode == 0, begun.stdout
    config = home / "home" / "modules" / "_config.py"
    config.write_text(config.read_text().replace(KEY, key.with_suffix(".pub").read_text().split()[1]))
    done = _run(home, _write_script())
    assert done.returncode == 0, done.stdout
    return Walk(home, done.stdout)


def test_its_files_are_a_site_without_a_mistake(walk: Walk) -> None:
    assert "4 machines, no mistake found" in walk.said
    site = load_site(walk.home / "home")
    assert sorted(site.machines) == ["files", "files-data", "lab-ansible", "lab-ansible-data"]


def test_what_of_them_is_to_be_replaced_is_told(walk: Walk) -> None:
    told = {note.message for note in find_examples(load_site(walk.home / "home"))}
    assert told >= {
        "the address of the repository playbooks is the example's",
        "the address of the repository vault is the example's",
        "the git host's key is the example's",
    }


def test_a_person_sees_that_their_commits_are_signed(walk: Walk) -> None:
    assert walk.said.count('Good "git" signature for you with ED25519 key SHA256:') == 3


def test_the_node_believes_both_heads(walk: Walk, tmp_path: Path) -> None:
    checkout = walk.fetch(Places.below(tmp_path))
    assert checkout.problems == ()
    assert checkout.settings is not None
    assert [person.person for person in checkout.settings.signers] == ["you"]
    assert {name: host.control_node for name, host in checkout.inventory.items()} == {"files": "lab-ansible"}
    assert (checkout.vault / "hosts.yml").read_text() == "all: {}\n"


def test_the_node_does_not_believe_what_nobody_signed(walk: Walk, tmp_path: Path) -> None:
    places = Places.below(tmp_path)
    believed = walk.fetch(places).revision
    assert walk.run("git -C playbooks commit --quiet --no-gpg-sign --allow-empty -m unsigned").returncode == 0
    try:
        checkout = walk.fetch(places)
    finally:
        walk.run("git -C playbooks reset --quiet --hard HEAD~1")
    assert checkout.revision == believed
    assert "is not signed" in "".join(checkout.problems)

"""Who is affected, against the truth: what the real ansible-playbook would change on hosts that are as the first
revision says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.promotion.changes import Files, draw_change
from tests.unit.promotion.trees import BASE, list_affected

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
_WRITERS = re.compile(
    r'ansible\.builtin\.(copy|template): \{(content|src): ("[^"]*"|[^,]*),\s*dest: "[^"]*",\s*mode: "0644"\}'
)
_SAID = re.compile(r"^ok: \[(\w+)\] => \{\n    \"msg\": (.*)\n\}", re.MULTILINE)
_RECAP = re.compile(r"^(\w+)\s+:.*changed=(\d+).*failed=(\d+)", re.MULTILINE)


def lay_out(files: Files, folder: Path) -> Path:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    return folder


def play(folder: Path, root: Path, *options: str) -> dict[str, tuple[int, int]]:
    """How many tasks changed something, or would, and how many failed; by host."""
    said = run(folder, root, *options)
    found = {name: (int(changed), int(failed)) for name, changed, failed in _RECAP.findall(said)}
    assert found, said
    return found


def run(folder: Path, root: Path, *options: str) -> str:
    programs = Path(sys.executable).parent
    facts = {"root": str(root), "ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    argv = [str(programs / "ansible-playbook"), "-i", "site/inventory.yml", "site.yml", *options]
    for name, value in facts.items():
        argv += ["-e", f"{name}={value}"]
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(root),
        "ANSIBLE_HOME": str(root / "home"),
        "ANSIBLE_LOCAL_TEMP": str(root / "tmp"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all hosts, as the first revision says."""
    folder = tmp_path_factory.mktemp("truth")
    for host in ("one", "two", "three"):
        (folder / host).mkdir()
    told = play(lay_out(BASE, folder / "base"), folder)
    assert {failed for _, failed in told.values()} == {0}
    assert all(changed for changed, _ in told.values())
    return folder


def judge(root: Path, folder: Path, seed: int) -> tuple[set[str], set[str]]:
    """Hosts that are listed, and hosts that a run would change something on."""
    after, done = draw_change(BASE, seed)
    told = play(lay_out(after, folder / str(seed)), root, "--check")
    listed = set(list_affected(after))
    changed = {host for host, (count, failed) in told.items() if count or failed}
    assert changed <= listed, f"seed {seed}: {done}"
    return listed, changed


@pytest.mark.parametrize("part", range(2))
def test_a_host_that_would_change_is_always_listed(tmp_path: Path, part: int) -> None:
    """Twenty changes, and in place of the tasks' modules the words that they would write: several times as fast."""
    before = tell(lay_out(say(BASE), tmp_path / "base"), tmp_path)
    selective = changes = 0
    for seed in range(10 * part, 10 * part + 10):
        after, done = draw_change(BASE, seed)
        told, listed = tell(lay_out(say(after), tmp_path / str(seed)), tmp_path), set(list_affected(after))
        changed = {host for host in {*told, *before} if told.get(host) != before.get(host)}
        assert changed <= listed, f"seed {seed}: {done}"
        selective += len(listed) < 3
        changes += len(changed)
    assert (selective > 2, changes > 5) == (True, True), "not everybody, whatever is changed"


def say(files: Files) -> Files:
    """What each task would write, said instead; to the same files and variables."""
    said = {path: _WRITERS.sub(_say_one, content) for path, content in files.items()}
    assert not any(" dest: " in content for content in said.values())
    return said


def _say_one(match: re.Match[str]) -> str:
    module, kind, value = match.groups()
    if kind == "src":
        reader = "template" if module == "template" else "file"
        value = f"\"{{{{ lookup('{reader}', '{value}') }}}}\""
    return f"ansible.builtin.debug: {{msg: {value}}}"


def tell(folder: Path, root: Path) -> dict[str, list[str]]:
    return {host: [*words, recap] for host, (words, recap) in _read(run(folder, root)).items()}


def _read(said: str) -> dict[str, tuple[list[str], str]]:
    words: dict[str, list[str]] = {}
    for host, message in _SAID.findall(said):
        words.setdefault(host, []).append(message)
    recaps = {host: (changed, failed) for host, changed, failed in _RECAP.findall(said)}
    assert recaps, said
    return {host: (words.get(host, []), f"failed={failed}") for host, (_, failed) in recaps.items()}


@pytest.mark.soak
@pytest.mark.timeout(3500)
def test_a_host_that_a_run_changes_is_always_listed(root: Path, tmp_path: Path) -> None:
    assert {count for count, _ in play(lay_out(BASE, tmp_path), root, "--check").values()} == {0}
    judged = [judge(root, tmp_path, seed) for seed in range(100, 300)]
    assert sum(len(changed) for _, changed in judged) > 100

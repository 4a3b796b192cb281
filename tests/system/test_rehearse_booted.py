"""A rehearsal whole: pegasus' two machines of the way in, stood in for, booted, tried, and taken away.

One is good with the revision, the other is not: a task of it changes something each time. Then a rehearsal is killed,
and the next one takes away what it left. Last, they are rehearsed with pegasus' own playbook, whole.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Figure
from tests.unit.rehearsal.home import TRIED, Home, make_home, run_git

from homeprod.core.errors import LabError
from homeprod.lab.folder import find_folder, list_labs
from homeprod.promotion.record import Trial
from homeprod.rehearsal.lab import hold_lab, name_lab
from homeprod.wiring.records import open_records

pytestmark = [pytest.mark.guest, pytest.mark.soak, pytest.mark.timeout(3500)]
LIMIT = 3000
PROXY = "prod-proxy"
SECRET = """\
demo_secret: !vault |
  $ANSIBLE_VAULT;1.2;AES256;prod
  3031
"""
PLAYBOOK = """\
- name: What every machine has
  hosts: all
  become: true
  gather_facts: false
  tasks:
    - name: Say which revision it has
      ansible.builtin.copy: {content: "WORD", dest: /etc/rehearsed, owner: root, mode: "0644"}
"""
MORE = """\
- name: What prod-proxy has, too
  hosts: prod-proxy
  become: true
  gather_facts: false
  roles:
    - demo_secret
  tasks:
    - name: Say when
      ansible.builtin.command: date
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = make_home(tmp_path)
    monkeypatch.setenv("HOMEPROD_RING_KEY", str(made.person.keep_key(tmp_path)))
    for words in (("user.name", "ops"), ("user.email", "ops@example.net")):
        run_git(made.playbooks, "config", *words)
    return made


def write_small_playbook(home: Home) -> None:
    """Of prod before, and in the clone after: a word more on each machine, and on one what changes each time."""
    home.commit(home.vault, {"prod/host_vars/prod-proxy.yml": SECRET})
    home.commit(home.playbooks, {"site.yml": PLAYBOOK.replace("WORD", "before")})
    run_git(home.playbooks, "push", "-q", "--force", "origin", "HEAD:prod")
    home.commit(home.playbooks, {"site.yml": PLAYBOOK.replace("WORD", "after") + MORE})


def rehearse(home: Home) -> tuple[int, dict[str, Any]]:
    """To its end: the exit code, and what was told."""
    process = begin(home)
    try:
        said, _ = process.communicate(timeout=LIMIT)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=300)
    told: dict[str, Any] = json.loads(said)
    return process.returncode, told


def begin(home: Home, *words: str, **how: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "homeprod", "--site", str(home.site), "rehearse", "HEAD", *words]
    argv += ["--repository", str(home.playbooks), "--vault", str(home.vault), "--yes", "--json"]
    env = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    env.pop("HOMEPROD_BUNDLE", None)
    return subprocess.Popen(argv, text=True, stdout=subprocess.PIPE, env=env, **how)


def list_left(home: Home) -> list[str]:
    """What runs of the rehearsal's lab."""
    place = str(find_folder(name_lab(home.load())).path)
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if place in words:
            found.append(words[:200])
    return found


def test_two_machines_are_rehearsed_each_with_its_own_verdict(home: Home, figure: Figure) -> None:
    write_small_playbook(home)
    began = time.monotonic()
    code, told = rehearse(home)
    seconds = time.monotonic() - began
    assert code == 2, told
    hosts = {one["host"]: one for one in told["hosts"]}
    assert (hosts[TRIED]["result"], hosts[TRIED]["why"]) == ("green", []), hosts[TRIED]
    assert hosts[PROXY]["result"] == "red"
    assert hosts[PROXY]["why"] == ["its run, repeated, changed something again: Say when"]
    assert "check mode foresaw 1 task: Say which revision it has" in hosts[TRIED]["notes"], hosts[TRIED]
    assert told["skipped"] == []
    records = open_records(home.load(), "lab-ansible", home.playbooks).read()
    results = {one.entry.host: one.entry.result for one in records.believed if isinstance(one.entry, Trial)}
    assert results == {TRIED: "green", PROXY: "red"}
    assert (list_labs(), list_left(home)) == ([], [])
    figure(f"two machines and their control node rehearsed in {seconds:.0f} s")


def test_a_killed_one_is_taken_away_by_the_next(home: Home) -> None:
    write_small_playbook(home)
    process = begin(home, TRIED)
    try:
        deadline = time.monotonic() + 900
        while not any("qemu-system" in one for one in list_left(home)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert any("qemu-system" in one for one in list_left(home)), "a machine outlives who made it"
    said: list[str] = []
    with hold_lab(home.load(), said.append):
        assert said[0] == "taking away what an earlier rehearsal left"
        assert list_left(home) == []
    with pytest.raises(LabError):
        find_folder(name_lab(home.load())).read_spec()
    assert not (open_records(home.load(), "lab-ansible", home.playbooks).read().believed)


def test_the_whole_playbook_of_pegasus_is_rehearsed(home: Home, figure: Figure) -> None:
    """Its base, way in and certificates, as prod has them; and then a word more on each machine."""
    whole = (home.playbooks / "site.yml").read_text()
    home.commit(home.playbooks, {"site.yml": whole + PLAYBOOK.replace("WORD", "after")})
    began = time.monotonic()
    code, told = rehearse(home)
    seconds = time.monotonic() - began
    hosts = {one["host"]: (one["result"], one["why"]) for one in told["hosts"]}
    assert (code, hosts) == (0, {PROXY: ("green", []), TRIED: ("green", [])}), told
    notes = {note for one in told["hosts"] for note in one["notes"]}
    assert "check mode foresaw 1 task: Say which revision it has" in notes, notes
    assert (list_labs(), list_left(home)) == ([], [])
    figure(f"pegasus' whole playbook rehearsed on two machines in {seconds:.0f} s")

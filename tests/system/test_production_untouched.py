"""Whatever is bad is stopped by its trial, and production is the same as before: its files and its containers."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from tests.docker_machine import DockerMachine, open_docker_machine
from tests.home import PEGASUS
from tests.kept_host import IMAGE
from tests.promoted_site import ALWAYS, BROKEN, HOSTS, TASKS
from tests.system.promoted_node import Running, open_running
from tests.walked_site import LAB, WalkedSite, open_walked_site

from homeprod.cli import walking

pytestmark = [
    pytest.mark.soak,
    pytest.mark.namespace,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="a dockerd of the test's own, in namespaces: run as root"),
]
PROD = [host for host, environment in HOSTS.items() if environment == "prod"]
SERVE = """#!/bin/sh
# serve HOST CONTENT: a container of that content, made anew where it is of another; it fails where it is not up
old=$(ENTER docker inspect --format '{{.Config.Labels.content}}' "$1" 2>/dev/null)
[ "$old" = "$2" ] && exit 0
ENTER docker rm --force "$1" >/dev/null 2>&1
case $2 in ill) program=false ;; *) program='sleep 900' ;; esac
ENTER docker run --detach --name "$1" --label "content=$2" IMAGE $program
sleep 1
[ "$(ENTER docker inspect --format '{{.State.Running}}' "$1")" = true ]
"""
CONTAINER = """
- name: serve
  ansible.builtin.command: {{argv: ["{at}/serve", "{{{{ inventory_hostname }}}}", "{content}"]}}
  register: served
  changed_when: served.stdout != ""
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerMachine]:
    with open_docker_machine(tmp_path_factory.mktemp("docker")) as machine:
        machine.import_image(IMAGE, "one")
        yield machine


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WalkedSite]:
    with open_walked_site(tmp_path_factory.mktemp("walked")) as site:
        yield site


@pytest.fixture
def running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], walked: WalkedSite
) -> Iterator[Running]:
    with open_running(tmp_path, monkeypatch, capsys) as (site, node):
        shutil.copy(PEGASUS / "modules" / "_entry.py", site.root / "modules")
        monkeypatch.setattr(walking, "open_asker", lambda *_: walked.make_asker())
        monkeypatch.setattr("homeprod.cli.promotion.checks.SETTLING", 0.0)
        yield site, node


def identify(folder: Path, machine: DockerMachine) -> dict[str, object]:
    """Of production: each file by its number on the disk, its times and its content; each container by its id."""
    files = {
        str(file): (file.stat().st_ino, file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest())
        for host in PROD
        for file in sorted((folder / host).rglob("*"))
    }
    running = machine.list_containers()
    containers = {host: (running[host], machine.inspect(host)["State"]["StartedAt"]) for host in PROD}
    return {"files": files, **containers}


def test_a_trial_that_is_red_leaves_production_as_it_is(
    running: Running, machine: DockerMachine, walked: WalkedSite
) -> None:
    site, node = running
    enter = shlex.join(machine.enter())
    (site.at / "serve").write_text(SERVE.replace("ENTER", enter).replace("IMAGE", IMAGE))
    (site.at / "serve").chmod(0o755)
    good = TASKS + CONTAINER
    site.commit(good, content="first")
    assert site.run("promote", "HEAD", "--to", "lab", "--yes")[0] == 0
    assert site.run("promote", "HEAD", "--to", "prod", "--yes", "--emergency", "--why", "the first of all")[0] == 0
    before, head = identify(site.at, machine), site.heads()["prod"]

    bad: dict[str, tuple[str, str, AbstractContextManager[None]]] = {
        "nothing_of_that_name": (BROKEN, "second", nullcontext()),
        "(at serve)": (good, "ill", nullcontext()),
        "not idempotent: base : the time changed": (good + ALWAYS, "third", nullcontext()),
        "https://demo.lab.pegasuspad.com/ from wan: ": (good, "fourth", walked.serve_less(LAB)),
    }
    for words, (tasks, content, while_tried) in bad.items():
        site.commit(tasks, content=content)
        with while_tried:
            code, out, said = site.run("promote", "HEAD", "--to", "lab", "--yes")
        assert (code, words in out) == (1, True), out + said
        assert site.run("promote", "HEAD", "--to", "prod", "--yes")[0] == 2
        assert (identify(site.at, machine), site.heads()["prod"]) == (before, head), words

    site.commit(good, content="fifth")  # what is good changes all of it: the comparison would see
    assert site.run("promote", "HEAD", "--to", "lab", "--yes")[0] == 0
    code, out, said = site.run(
        "promote", "HEAD", "--to", "prod", "--yes", "--emergency", "--why", "has no counterpart"
    )
    assert code == 0, out + said
    after = identify(site.at, machine)
    assert {name for name in before if before[name] == after[name]} == set()
    assert {run.revision for host in PROD for run in node.runs(host)} >= {head, site.heads()["prod"]}

"""A run that brings something new is a failed one where units of the host fail with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.control.runs.node import Desk, Node, make_job, tell

from homeprod.control.hosts.host import RunStatus
from homeprod.control.runs.units import read_blamed, read_units, tell_new

SYSTEMCTL = """#!/bin/sh
echo "old.service loaded failed failed It was so before"
[ -f {mark} ] && echo "nginx.service loaded activating auto-restart The web server"
exit 0
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks: [{{name: touch, ansible.builtin.copy: {{content: "", dest: {mark}}}}}]
"""
HOSTS = (
    "all: {hosts: {lab-proxy: {ansible_connection: local,"
    ' ansible_python_interpreter: "{{ ansible_playbook_python }}"}}}\n'
)


MANY = [f"{number:02}.service" for number in range(22)]


def test_names_are_units_names_and_nothing_else() -> None:
    text = "a.service loaded failed failed A\n\x1b[2J loaded\n  b@1.timer x\nno-unit\n\n../../c.service x\n"
    assert read_units(text) == {"a.service", "b@1.timer"}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, {"a.service"}, ""),
        ({"a.service"}, None, ""),
        ({"a.service"}, {"a.service"}, ""),
        ({"a.service"}, set(), ""),
        (set(), {"b.service", "a.service"}, "units of the host failed with it: a.service, b.service"),
        (
            set(),
            set(MANY),
            f"units of the host failed with it: {', '.join(MANY[:20])} and 2 more",
        ),
    ],
)
def test_what_failed_before_is_not_its_fault(before: set[str] | None, after: set[str] | None, words: str) -> None:
    known = frozenset(before) if before is not None else None
    assert tell_new(known, frozenset(after) if after is not None else None) == words


def test_what_fails_since_a_run_before_is_blamed_on_it() -> None:
    assert read_blamed([]) == ()
    told = [tell_new(frozenset(), frozenset({"b@1.timer", "a.service"})), "no such file", "units of it"]
    assert read_blamed(told) == ("a.service", "b@1.timer")
    many = tell_new(frozenset(), frozenset(MANY))
    assert len(read_blamed([many, *told])) == 22, "20 of the many, and both"


@pytest.mark.slow
def test_a_unit_that_falls_over_with_it_makes_it_a_failed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL.format(mark=tmp_path / "mark"))
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    (tmp_path / "site.yml").write_text(PLAYBOOK.format(mark=tmp_path / "mark"))
    (tmp_path / "hosts.yml").write_text(HOSTS)

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert run.status is RunStatus.FAILED
        assert run.problem == "units of the host failed with it: nginx.service"
        host = await node.ledger.host("lab-proxy")
        assert host.state.value == "failed", "trying again does not help"
        again = await node.wait_for((await node.ledger.retry("lab-proxy", "sean")).run_id)
        assert again.problem == run.problem, "that it failed before is its own doing"
        (tmp_path / "mark").unlink()
        (tmp_path / "site.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: []\n")
        repaired = await node.wait_for((await node.ledger.retry("lab-proxy", "sean")).run_id)
        assert (repaired.status, repaired.problem) == (RunStatus.SUCCESSFUL, "")

    tell(tmp_path, Desk(make_job(tmp_path, is_watched=True)), story)

"""The course of a rehearsal at a real control node with real Ansible: what makes a revision green, and what red."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.rehearsal.whole_node import WholeNode, list_hosts

from homeprod.control.upkeep import upkeeper
from homeprod.core.errors import ControlError
from homeprod.rehearsal.course import Course
from homeprod.rehearsal.judgement import Seen, Verdict, judge
from homeprod.rehearsal.look import look_at
from homeprod.rehearsal.runs import Runs

pytestmark = pytest.mark.slow
PRESENT = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: the file
      ansible.builtin.copy: {content: "WORD", dest: "FOLDER/{{ inventory_hostname }}", mode: "0644"}
- hosts: mended
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "{{ nobody.knows }}"}
"""
TRIED = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: the file
      ansible.builtin.copy: {content: "WORD", dest: "FOLDER/{{ inventory_hostname }}", mode: "0644"}
- hosts: dated
  gather_facts: false
  tasks:
    - name: the date
      ansible.builtin.command: date
"""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts are asked at once, and not somewhere in their cycle."""
    monkeypatch.setattr(upkeeper, "_SPREAD", 0.0)
    monkeypatch.setattr(upkeeper, "_PAUSE", 0.1)


def take(node: WholeNode, playbook: str, known: dict[str, bool]) -> dict[str, tuple[Seen, Verdict]]:
    """From the present revision to ``playbook``."""
    course = Course(
        Runs(node.open(), lambda _: None, patience=90, look_every=0.05, fetch_seconds=1.0),
        ring=node.ring,
        go_on=lambda: node.setting.playbooks.commit({"site.yml": playbook}),
        look=lambda names: {name: look_at(name, lambda *_: "", {}) for name in names},
        say=lambda _: None,
    )
    return {name: (seen, judge(seen)) for name, seen in course.take(known, "before", "after").items()}


def test_each_host_has_its_own_verdict(tmp_path: Path) -> None:
    """One whose task changes something each time, and one with a template error that is mended now."""
    present, tried = (
        text.replace("FOLDER", str(tmp_path)).replace("WORD", word)
        for text, word in ((PRESENT, "before"), (TRIED, "after"))
    )
    known = dict.fromkeys(("dated", "mended"), True)
    with WholeNode.make(tmp_path / "node", present, *known) as node:
        found = take(node, tried, known)
    verdicts = {name: verdict for name, (_, verdict) in found.items()}

    assert verdicts["dated"].why == ("its run, repeated, changed something again: the date",)
    assert verdicts["dated"].notes == ("check mode foresaw 1 task: the file",), "a command is skipped in check mode"
    seen = found["dated"][0]
    assert seen.base is not None
    assert seen.converge is not None
    assert seen.again is not None
    assert (seen.base.changed, seen.converge.changed, seen.again.changed) == (1, 2, 1)
    assert (tmp_path / "dated").read_text() == "after"

    assert verdicts["mended"].is_green
    assert verdicts["mended"].notes[0].startswith("at the present revision its run failed: ")
    assert "nobody" in verdicts["mended"].notes[0]
    assert found["mended"][0].check is None, "a host that was never configured is not asked"


def test_a_playbook_that_does_not_parse_is_red_and_no_end_of_a_run_no_verdict(tmp_path: Path) -> None:
    slow = "- hosts: all\n  gather_facts: false\n  tasks: [{name: wait, ansible.builtin.command: sleep 2}]\n"
    with WholeNode.make(tmp_path / "node", slow, "one") as node:
        runs = Runs(node.open(), lambda _: None, patience=0.2, look_every=0.05)
        with pytest.raises(ControlError, match="the run: no end of it within 0 s"):
            runs.await_run(node.ring("one"), "the run")
        [(_, verdict)] = take(node, "- hosts: all\n  tasks: [\n", {"one": False}).values()
    assert verdict.why[0].startswith("its run failed: ansible refuses the playbook: ")


def test_an_environment_that_has_nothing_yet_is_filled_by_the_revision(tmp_path: Path) -> None:
    """No playbook, no host at the present revision: the node has nothing to do, and goes to what is tried."""
    tried = TRIED.replace("FOLDER", str(tmp_path)).replace("WORD", "after")
    said: list[str] = []
    with WholeNode.make(tmp_path / "node", tried) as node:
        playbooks = node.setting.playbooks
        playbooks.git("rm", "-q", "site.yml")
        playbooks.commit({"site/inventory.yml": "all: {}\n"})
        course = Course(
            Runs(node.open(), lambda _: None, patience=90, look_every=0.05, fetch_seconds=1.0),
            ring=node.ring,
            go_on=lambda: playbooks.commit({"site.yml": tried, "site/inventory.yml": list_hosts("new")}),
            look=lambda names: {name: look_at(name, lambda *_: "", {}) for name in names},
            say=said.append,
        )
        seen = course.take({"new": False}, "", "after")
    assert judge(seen["new"]).is_green
    assert (seen["new"].base, seen["new"].check) == (None, None)
    assert (tmp_path / "new").read_text() == "after"
    assert said == ["converging to after", "converging again, which may change nothing"]

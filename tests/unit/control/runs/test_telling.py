"""What is told of a task that failed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from homeprod.control.runs.telling import tell

PLAY = """- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.command: /nowhere/at-all
      no_log: {hidden}
"""


@pytest.fixture(autouse=True)
def our_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one beside this Python, whatever else the machine has."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def fail(folder: Path, hidden: bool) -> dict[str, Any]:
    """What is told of the failure, by the real Ansible."""
    (folder / "project").mkdir()
    (folder / "project" / "site.yml").write_text(PLAY.format(hidden=hidden))
    runner = ansible_runner.run(private_data_dir=str(folder), playbook="site.yml", quiet=True, timeout=60)
    told = [one["event"] for event in runner.events if (one := tell(event)) and "event" in one]
    (failed,) = (one for one in told if one["kind"] == "failed")
    assert isinstance(failed, dict)
    return failed


@pytest.mark.slow
def test_the_cause_behind_general_words_is_said(tmp_path: Path) -> None:
    words = "Error executing command: [Errno 2] No such file or directory: b'/nowhere/at-all'"
    assert fail(tmp_path, hidden=False)["message"] == words


@pytest.mark.slow
def test_nothing_is_said_of_what_is_hidden(tmp_path: Path) -> None:
    failed = fail(tmp_path, hidden=True)
    assert failed["message"] == "(no_log)"
    assert "Errno" not in str(failed)
    assert "site.yml:4" in failed["text"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ERROR]: Task failed: Module failed: It broke: the disk\nOrigin: x", "It broke: the disk\nmore"),
        ("[ERROR]: Task failed: Module failed: It broke\nOrigin: x", "It broke.\nmore"),
        ("[ERROR]: Task failed: something else: It broke", "It broke.\nmore"),
        ("", "It broke.\nmore"),
    ],
)
def test_words_that_are_no_more_than_the_modules_change_nothing(text: str, words: str) -> None:
    data = {"res": {"msg": "It broke.", "stderr": "more"}, "host": "h"}
    told = tell({"event": "runner_on_failed", "event_data": data, "stdout": text})
    assert told is not None
    assert told["event"]["message"] == words

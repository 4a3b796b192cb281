"""Ansible's terminal waits at its end only for a program that has not ended."""

from __future__ import annotations

import pexpect
import pytest

from homeprod.control.runs.terminal import Terminal, use_terminal


def test_a_program_that_has_ended_is_not_waited_for() -> None:
    terminal = Terminal("/bin/true")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    terminal.close()
    assert (terminal.exitstatus, terminal.ptyproc.delayafterclose) == (0, 0)


def test_a_program_that_goes_on_is_ended() -> None:
    terminal = Terminal("/bin/sleep", ["600"])
    terminal.close()
    assert terminal.ptyproc.delayafterclose > 0
    assert not terminal.isalive()


def test_ansible_runner_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_runner import runner

    monkeypatch.setattr(pexpect, "spawn", pexpect.spawn)
    use_terminal()
    assert runner.pexpect.spawn is Terminal

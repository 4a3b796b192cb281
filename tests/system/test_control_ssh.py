"""Runs over real ssh: the pinned key alone counts, facts are kept, and no connection outlives its run."""

from __future__ import annotations

import json
from pathlib import Path

from tests.system.test_control_runs import make_desk
from tests.unit.control.runs.node import Desk, Node, tell
from tests.unit.control.runs.ssh_host import SshHost, make_key, serve_ssh

from homeprod.control.hosts.host import HostState, RunStatus

PLAYBOOK = """
- hosts: all
  tasks:
    - name: deliver
      ansible.builtin.copy: {{content: a canary, dest: {folder}/delivered, mode: "0600"}}
    - name: ask
      ansible.builtin.command: echo {{{{ ansible_facts.system }}}}
"""


def make_ssh_desk(folder: Path, host: SshHost, key: str) -> Desk:
    playbook = PLAYBOOK.format(folder=folder)
    known = (host.known_as(key),)
    return make_desk(folder, playbook, host.inventory, known_hosts=known, agent_socket=str(host.agent))


def test_a_host_is_configured_over_ssh_and_its_facts_are_gathered_once(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        tasks = []
        for _ in range(2):
            run = await node.wait_for((await node.ring("lab-proxy")).run_id)
            assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
            told = [json.loads(event.data).get("event", {}) for event in await node.ledger.events(run.id)]
            tasks.append([event["task"] for event in told if event.get("kind") == "ok"])
        assert tasks == [["Gathering Facts", "deliver", "ask"], ["deliver", "ask"]]

    with serve_ssh(tmp_path) as host:
        tell(tmp_path, make_ssh_desk(tmp_path, host, host.key), story)
        assert (tmp_path / "delivered").read_text() == "a canary"
        log = host.log.read_text()
    assert log.count("Accepted publickey") == 2, "one connection a run: it persists for the tasks, and ends with them"
    assert log.count("session opened") + log.count("Starting session") > 2


def test_a_host_with_another_key_gets_nothing(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert run.status is RunStatus.FAILED
        assert run.problem == "the host showed another SSH host key than the pinned one; nothing was sent to it"
        assert (await node.ledger.host("lab-proxy")).state is HostState.FAILED
        assert len(await node.ledger.runs()) == 1, "it is not tried again"

    with serve_ssh(tmp_path) as host:
        other = make_key(tmp_path / "other")
        tell(tmp_path, make_ssh_desk(tmp_path, host, other), story)
        log = host.log.read_text()
    assert "Connection closed by 127.0.0.1" in log or "Connection reset by 127.0.0.1" in log
    assert "Accepted" not in log
    assert "publickey" not in log, "not even who comes was said"
    assert not (tmp_path / "delivered").exists()


def test_a_host_without_a_pinned_key_gets_nothing(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert "another SSH host key" in run.problem

    with serve_ssh(tmp_path) as host:
        desk = make_desk(tmp_path, PLAYBOOK.format(folder=tmp_path), host.inventory, agent_socket=str(host.agent))
        tell(tmp_path, desk, story)
        assert "Accepted" not in host.log.read_text()

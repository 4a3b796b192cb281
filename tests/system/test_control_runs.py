"""From a ring to the real Ansible and back, on this machine, without a network."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.control.runs.node import SETTINGS, Desk, Node, make_job, tell

from homeprod.control.hosts.host import HostState, RunStatus

INVENTORY = """
all:
  hosts:
    lab-proxy: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""
ONCE = SETTINGS.model_copy(update={"attempts": 1})


def make_desk(folder: Path, playbook: str, inventory: str = INVENTORY, **facts: object) -> Desk:
    (folder / "site.yml").write_text(playbook)
    (folder / "hosts.yml").write_text(inventory)
    return Desk(make_job(folder, **facts))


def test_a_host_is_configured_by_the_real_ansible(tmp_path: Path) -> None:
    delivered = tmp_path / "delivered"
    desk = make_desk(
        tmp_path,
        f"""
- hosts: all
  gather_facts: false
  tasks:
    - name: deliver
      ansible.builtin.copy: {{content: "{{{{ inventory_hostname }}}}", dest: {delivered}, mode: "0600"}}
""",
    )

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
        assert delivered.read_text() == "lab-proxy"
        told = [json.loads(event.data) for event in await node.ledger.events(run.id)]
        assert {"kind": "ok", "task": "deliver", "changed": True}.items() <= told[-2]["event"].items()
        assert told[-1]["stats"]["changed"] == 1

    tell(tmp_path, desk, story)


def test_a_playbook_that_does_not_parse_is_said_and_not_tried_again(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "- hosts: all\n  tasks:\n    - name: broken\n      ansible.builtin.copy\n")

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert run.status is RunStatus.FAILED
        assert "ansible refuses the playbook" in run.problem
        assert "site.yml" in run.problem
        assert len(await node.ledger.runs()) == 1
        host = await node.ledger.host("lab-proxy")
        assert (host.state, host.wanted_instance, host.applied_instance) == (HostState.FAILED, "msg_1", "")
        (tmp_path / "site.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: []\n")
        again = await node.wait_for((await node.ledger.retry("lab-proxy", "sean")).run_id)
        assert (again.status, again.instance) == (RunStatus.SUCCESSFUL, "msg_1")

    tell(tmp_path, desk, story)


def test_a_task_that_fails_and_a_host_that_never_answers_are_told_apart(tmp_path: Path) -> None:
    task = "    - {name: refuse, ansible.builtin.fail: {msg: enough}}"
    desk = make_desk(tmp_path, f"- hosts: all\n  gather_facts: false\n  tasks:\n{task}\n")

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.FAILED, "enough (at refuse)")
        # A port of this machine that nobody listens on: refused at once, as by a host that is not there.
        (tmp_path / "hosts.yml").write_text("all: {hosts: {lab-proxy: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n")
        (tmp_path / "site.yml").write_text(
            "- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.ping: }]\n"
        )
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert "did not answer" in run.problem
        assert "Connection refused" in run.problem

    tell(tmp_path, desk, story, ONCE)


@contextmanager
def open_silent_port() -> Iterator[int]:
    """Takes every connection and says nothing, as a machine that hangs does; the kernel answers for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield listener.getsockname()[1]


def make_silent_desk(folder: Path, port: int, more: str = "", **facts: object) -> Desk:
    host = f"ansible_host: 127.0.0.1, ansible_port: {port}{more}"
    playbook = "- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.ping: }]\n"
    return make_desk(folder, playbook, f"all: {{hosts: {{lab-proxy: {{{host}}}}}}}\n", **facts)


def test_a_host_that_never_answers_is_given_up_by_ssh_and_told(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert run.status is RunStatus.FAILED
        assert "did not answer: Task failed: Failed to connect to the host via ssh" in run.problem
        assert "timed out during banner exchange" in run.problem
        await node.until(run.id + 1, lambda found: found.status.is_final)
        assert [one.attempt for one in await node.ledger.runs()] == [2, 1], "it is tried again by itself"
        assert (await node.ledger.host("lab-proxy")).state is HostState.FAILED

    with open_silent_port() as port:
        # Our own patience is 20 s three times; a test has less.
        quick = ', ansible_ssh_args: "-o ConnectTimeout=1 -o ConnectionAttempts=1"'
        desk = make_silent_desk(tmp_path, port, quick)
        tell(tmp_path, desk, story, SETTINGS.model_copy(update={"attempts": 2}))


def test_a_host_that_never_answers_holds_no_run_beyond_its_limit(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.TIMEOUT, "it took longer than 60 s")
        host = await node.ledger.host("lab-proxy")
        assert (host.state, host.wanted_instance, host.applied_instance) == (HostState.FAILED, "msg_1", "")
        assert (await node.ledger.retry("lab-proxy", "sean")).is_new, "a person may try again"

    with open_silent_port() as port:
        tell(tmp_path, make_silent_desk(tmp_path, port, limit_seconds=3), story, ONCE)


def test_a_host_that_the_inventory_does_not_have_is_said(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-coder")).run_id)
        assert (run.status, run.problem) == (RunStatus.FAILED, "the host is not in the inventory")

    tell(tmp_path, make_desk(tmp_path, "- hosts: all\n  tasks: []\n"), story)

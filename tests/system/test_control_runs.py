"""From a ring to the real Ansible and back, on this machine, without a network."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.control.runs.node import SETTINGS, Desk, Node, make_job, tell

from homeprod.control.hosts.host import RunStatus

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

    tell(tmp_path, desk, story)


def test_a_task_that_fails_and_a_host_that_never_answers_are_told_apart(tmp_path: Path) -> None:
    task = "    - {name: refuse, ansible.builtin.fail: {msg: enough}}"
    desk = make_desk(tmp_path, f"- hosts: all\n  gather_facts: false\n  tasks:\n{task}\n")

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.FAILED, "refuse failed: enough")
        # A port of this machine that nobody listens on: refused at once, as by a host that is not there.
        (tmp_path / "hosts.yml").write_text("all: {hosts: {lab-proxy: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n")
        (tmp_path / "site.yml").write_text(
            "- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.ping: }]\n"
        )
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert "did not answer" in run.problem
        assert "Connection refused" in run.problem

    tell(tmp_path, desk, story, ONCE)


def test_a_host_that_the_inventory_does_not_have_is_said(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-coder")).run_id)
        assert (run.status, run.problem) == (RunStatus.FAILED, "the host is not in the inventory")

    tell(tmp_path, make_desk(tmp_path, "- hosts: all\n  tasks: []\n"), story)

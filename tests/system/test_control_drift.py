"""Checks by the real Ansible over real ssh: what somebody changed by hand is seen, put right by a run, and nothing is
reported where nothing differs. What needs a machine of its own is in test_drift_kinds.py."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.system.test_control_runs import make_desk
from tests.unit.control.runs.node import SETTINGS, Desk, Node
from tests.unit.control.runs.node import tell as tell_soon
from tests.unit.control.runs.ssh_host import SshHost, serve_ssh

from homeprod.control.hosts.condition import Condition
from homeprod.control.hosts.host import RunStatus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CANARY, OLD_CANARY = "a canary of the vault", "a canary of yesterday"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - {{name: content, ansible.builtin.copy: {{content: "as it should be\\n", dest: {at}/content, mode: "0644"}},
       notify: restart}}
    - {{name: mode, ansible.builtin.copy: {{content: "x", dest: {at}/mode, mode: "0600"}}}}
    - {{name: owner, ansible.builtin.file: {{path: {at}/owner, state: directory, owner: "{uid}", mode: "0755"}}}}
    - {{name: gone, ansible.builtin.copy: {{content: "x", dest: {at}/gone, mode: "0644"}}}}
    - {{name: stranger, ansible.builtin.file: {{path: {at}/stranger, state: absent}}}}
    - {{name: link, ansible.builtin.file: {{path: {at}/link, src: {at}/content, state: link, force: true}}}}
    - {{name: line, ansible.builtin.lineinfile: {{path: {at}/lines, line: "PermitRootLogin no", create: true,
       regexp: "^PermitRootLogin", mode: "0644"}}}}
    - {{name: block, ansible.builtin.blockinfile: {{path: {at}/lines, block: "one\\ntwo"}}}}
    - {{name: template, ansible.builtin.template: {{src: page.j2, dest: {at}/page, mode: "0644"}}}}
    - {{name: hidden, no_log: true, ansible.builtin.copy: {{content: "{canary}", dest: {at}/hidden, mode: "0600"}}}}
    - {{name: looped, ansible.builtin.file: {{path: "{at}/{{{{ item }}}}", state: directory, mode: "0700"}},
       loop: [d1, d2]}}
    - {{name: looped and hidden, no_log: true, loop: [h1, h2],
       ansible.builtin.copy: {{content: "{canary}", dest: "{at}/{{{{ item }}}}", mode: "0600"}}}}
    - {{name: a command, ansible.builtin.command: "true", changed_when: false}}
  handlers:
    - {{name: restart, ansible.builtin.copy: {{content: x, dest: {at}/restarted, mode: "0644"}}}}
"""
FEW = """
- hosts: all
  gather_facts: false
  tasks:
    - {{name: content, ansible.builtin.copy: {{content: "as it should be\n", dest: {at}/content, mode: "0644"}}}}
    - {{name: line, ansible.builtin.lineinfile: {{path: {at}/lines, line: "yes", create: true, mode: "0644"}}}}
    - {{name: hidden, no_log: true, ansible.builtin.copy: {{content: "{canary}", dest: {at}/hidden, mode: "0600"}}}}
"""
"""Local and short: of a whole machine the soak asks twenty times."""
ALWAYS = """
- hosts: all
  gather_facts: false
  tasks:
    - {{name: the time, ansible.builtin.copy: {{content: "{{{{ lookup('pipe', 'date +%s%N') }}}}", dest: {at}/time,
       mode: "0644"}}}}
"""
BREAKS: dict[str, Callable[[Path], object]] = {
    "content": lambda at: (at / "content").write_text("as somebody wants it\n"),
    "mode": lambda at: (at / "mode").chmod(0o666),
    "owner": lambda at: os.chown(at / "owner", 12345, -1) if os.geteuid() == 0 else (at / "owner").rmdir(),
    "gone": lambda at: (at / "gone").unlink(),
    "stranger": lambda at: (at / "stranger").write_text("here I am"),
    "link": lambda at: (at / "link").unlink() or (at / "link").symlink_to("/dev/null"),
    "line": lambda at: (at / "lines").write_text((at / "lines").read_text().replace("Login no", "Login yes")),
    "block": lambda at: (at / "lines").write_text((at / "lines").read_text().replace("two\n", "three\n")),
    "template": lambda at: (at / "page").write_text("hello, stranger\n"),
    "hidden": lambda at: (at / "hidden").write_text(OLD_CANARY),
    "looped": lambda at: (at / "d2").rmdir(),
    "looped and hidden": lambda at: (at / "h2").write_text(OLD_CANARY),
}
CYCLES = 20
LIMIT = 500
"""Seconds for a run of a few: the real Ansible takes long where much else goes on."""


def tell(folder: Path, desk: Desk, story: Callable[[Node], Awaitable[None]]) -> None:
    async def tell_patiently(node: Node) -> None:
        node.patience = LIMIT
        await story(node)

    desk.job = replace(desk.job, limit_seconds=LIMIT)
    tell_soon(folder, desk, tell_patiently, SETTINGS.model_copy(update={"run_limit": LIMIT}))


def open_desk(folder: Path, host: SshHost) -> Desk:
    at = folder / "kept"
    at.mkdir()
    (folder / "page.j2").write_text("hello, {{ inventory_hostname }}\n")
    playbook = PLAYBOOK.format(at=at, uid=os.geteuid(), canary=CANARY)
    return make_desk(
        folder, playbook, host.inventory, known_hosts=(host.known_as(host.key),), agent_socket=str(host.agent)
    )


async def look(node: Node) -> Condition:
    await node.check("lab-proxy")
    return await node.wait_for_check("lab-proxy")


def list_told(found: Condition) -> str:
    return json.dumps([(one.task, one.target, one.diff) for one in found.drift])


def test_what_somebody_changed_is_seen_in_one_check_and_put_right_by_one_run(tmp_path: Path) -> None:
    at = tmp_path / "kept"

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
        assert (await look(node)).drift == ()
        for change in BREAKS.values():
            change(at)
        before = {file: file.lstat().st_mtime_ns for file in at.rglob("*")}
        found = await look(node)
        assert [one.task for one in found.drift] == [*BREAKS], "a handler is none of its own"
        assert {file: file.lstat().st_mtime_ns for file in at.rglob("*")} == before, "a check changes nothing"
        told = {one.task: one for one in found.drift}
        assert told["content"].target == str(at / "content")
        assert "-as somebody wants it\n+as it should be" in told["content"].diff
        assert "-mode: 0666\n+mode: 0600" in told["mode"].diff
        assert told["looped"].target == str(at / "d2")
        assert {told[name].diff for name in ("hidden", "looped and hidden")} == {"(no_log)"}
        assert "canary" not in list_told(found)
        events = "".join(event.data for event in await node.ledger.events((await node.ledger.runs(1))[0].id))
        assert "canary" not in events

        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert run.status is RunStatus.SUCCESSFUL
        assert await clean_after_the_run(node) == ()
        assert (at / "content").read_text() == "as it should be\n"

    async def clean_after_the_run(node: Node) -> object:
        return (await node.wait_for_check("lab-proxy")).drift  # looked at at once, since something differed

    with serve_ssh(tmp_path) as host:
        tell(tmp_path, open_desk(tmp_path, host), story)


def test_nothing_is_reported_where_nothing_differs(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        before = await node.ledger.host("lab-proxy")
        for _ in range(CYCLES):
            found = await look(node)
            assert (found.drift, found.problem, found.late) == ((), "", None)
        assert len(await node.ledger.runs(500, kind="check")) == CYCLES
        assert await node.ledger.host("lab-proxy") == before

    at = tmp_path / "kept"
    at.mkdir()
    tell(tmp_path, make_desk(tmp_path, FEW.format(at=at, canary=CANARY)), story)


def test_a_host_that_is_off_is_late_and_one_with_another_key_is_a_problem(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        right = node.desk.job
        node.desk.job = replace(right, known_hosts=())
        found = await look(node)
        assert (found.late, "another SSH host key" in found.problem) == (None, True)
        node.desk.job = right
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(inventory.read_text().replace(f"ansible_port: {host.port}", "ansible_port: 1"))
        await node.check("lab-proxy")
        await node.until_checks("lab-proxy", 2)
        found = (await node.ledger.checks.conditions())["lab-proxy"]
        assert (found.late is not None, found.problem[:23]) == (True, "the host did not answer")

    with serve_ssh(tmp_path) as host:
        tell(tmp_path, open_desk(tmp_path, host), story)


def test_a_change_that_is_not_idempotent_is_known_after_a_run(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert len((await look(node)).drift) == 1
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        found = await node.wait_for_check("lab-proxy")
        assert (len(found.drift), found.is_stubborn) == (1, True)

    with serve_ssh(tmp_path) as host:
        desk = open_desk(tmp_path, host)
        (tmp_path / "site.yml").write_text(ALWAYS.format(at=tmp_path / "kept"))
        tell(tmp_path, desk, story)

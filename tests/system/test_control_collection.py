"""A run finds the collection that homeprod brings."""

from __future__ import annotations

from pathlib import Path

from tests.system.test_control_runs import INVENTORY, ONCE, make_desk
from tests.unit.control.runs.node import Node, tell

from homeprod.control.hosts.host import RunStatus

PLAYBOOK = """
- hosts: all
  gather_facts: false
  roles:
    - role: homeprod.site.base
      base_people: [{name: zoe, keys: []}] # refused, after a look that changes nothing
"""


def test_a_run_finds_the_roles_of_homeprod(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, PLAYBOOK, INVENTORY)

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert run.status is RunStatus.FAILED
        assert "zoe could not log in" in run.problem

    tell(tmp_path, desk, story, ONCE)

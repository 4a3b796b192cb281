"""What an app host says of its apps, by the real role and the real Ansible into the ledger, in runs and checks."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.app_words import NEWER, make_part, make_status
from tests.system.test_control_runs import make_desk
from tests.unit.control.runs.node import Desk, Node, tell

from homeprod.control.hosts.host import RunStatus

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: only look
      block:
        - name: keep apps
          ansible.builtin.include_role: {{name: homeprod.site.app_host}}
          vars:
            app_host_releases: {{}}  # none: the role refuses this machine once it has looked, and changes nothing
            app_host_folder: "{folder}"
            app_host_repository: https://git.example/apps.git
            app_host_signatures: "off"
      rescue:
        - name: refused
          ansible.builtin.debug: {{msg: refused}}
"""


def say(folder: Path, **apps: dict[str, object]) -> None:
    (folder / "status.json").write_text(json.dumps(make_status(ended=time.time() - 30, **apps)))


def open_desk(folder: Path) -> tuple[Desk, Path]:
    kept = folder / "kept"
    kept.mkdir()
    return make_desk(folder, PLAYBOOK.format(folder=kept)), kept


def test_a_run_and_then_each_check_bring_it(tmp_path: Path) -> None:
    desk, kept = open_desk(tmp_path)

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
        assert await node.ledger.apps() == {}, "there is no status yet"

        say(kept, wiki=make_part(since=time.time() - 3600))
        await node.check("lab-proxy")
        found = await node.wait_for_check("lab-proxy")
        assert (found.drift, found.problem) == ((), "")
        line = (await node.ledger.apps())["lab-proxy"]
        assert [(one.name, one.state) for one in line.apps] == [("_config", "current"), ("wiki", "current")]
        assert 30 <= line.stood_still < 90
        assert abs(node.ledger.clock.now() - 3600 - line.apps[1].since) < 60

        say(kept, wiki=make_part("rolled back", wanted=NEWER, problem="web: exited (1)"))
        await node.check("lab-proxy")
        await node.wait_for_check("lab-proxy")
        [_, wiki] = (await node.ledger.apps())["lab-proxy"].apps
        assert (wiki.state, wiki.problem, wiki.verified) == ("rolled back", "web: exited (1)", "zoe")

        (kept / "status.json").unlink()
        await node.check("lab-proxy")
        await node.wait_for_check("lab-proxy")
        assert await node.ledger.apps() == {}

    tell(tmp_path, desk, story)


def test_a_host_that_lies_ends_no_run(tmp_path: Path) -> None:
    desk, kept = open_desk(tmp_path)

    async def story(node: Node) -> None:
        for text in ("{" * 50_000, "\x00\x1b[2J", json.dumps(make_status(wiki=make_part("fine"))), "x" * 200_000):
            (kept / "status.json").write_text(text)
            run = await node.wait_for((await node.ring("lab-proxy")).run_id)
            assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
            line = (await node.ledger.apps())["lab-proxy"]
            assert (line.apps, bool(line.problem)) == ((), True)

    tell(tmp_path, desk, story)

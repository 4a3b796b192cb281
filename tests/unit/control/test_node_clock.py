"""A wall clock that jumps, hours or years, forwards or back, while the node works: nothing wedged, nothing lost."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest
from tests.unit.control.hosts.test_ledger import RING, again, claim, finish, keep
from tests.unit.control.runs.node import SETTINGS, Desk, Node, make_job, tell

from homeprod.control.hosts.host import HostState, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Outcome

pytestmark = pytest.mark.slow

HOUR, YEAR = 3600.0, 365 * 86_400.0
JUMPS = [-10 * YEAR, -3 * HOUR, 3 * HOUR, 10 * YEAR]
RUNS = Path(__file__).with_name("runs")
_wall = time.time


def jump(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(time, "time", lambda: _wall() + seconds)


@pytest.mark.parametrize("seconds", JUMPS)
def test_runs_rings_and_waits_go_on_over_a_jump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    argv = (sys.executable, str(RUNS / "short_worker.py"), str(tmp_path))
    desk = Desk(make_job(tmp_path, playbook="sleep 0.3"), argv)

    async def story(node: Node) -> None:
        first = await node.ring("lab-proxy")
        await node.until(first.run_id, lambda found: found.status is RunStatus.RUNNING)
        jump(monkeypatch, seconds)  # amid a run
        during = await node.ring("lab-proxy")
        assert (await node.wait_for(first.run_id)).status is RunStatus.SUCCESSFUL
        second = await node.wait_for(during.run_id)
        assert (second.status, second.instance) == (RunStatus.SUCCESSFUL, "msg_2")
        assert second.started is not None
        assert second.ended is not None
        assert 0 < second.ended - second.started < 60, "what a run took is no matter of the wall clock"
        node.desk.job = make_job(tmp_path, playbook="fail")
        third = await node.ring("lab-proxy")
        await node.wait_for(third.run_id)
        jump(monkeypatch, 0)  # amid a wait between two tries
        async with asyncio.timeout(30):
            while (await node.ledger.host("lab-proxy")).state is not HostState.FAILED:
                await asyncio.sleep(0.01)
        assert [run.attempt for run in await node.ledger.runs()] == [3, 2, 1, 1, 1]

    tell(tmp_path, desk, story)


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_restart_after_a_jump_forgets_no_run_and_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    async def before(ledger: Ledger) -> None:
        await ledger.ring(RING)
        await finish(ledger, await claim(ledger))
        await ledger.ring(again(2, host="lab-coder"))
        await finish(ledger, await claim(ledger), Outcome(RunStatus.FAILED, "no", retry_at=ledger.clock.now() + 600))
        await ledger.ring(again(3, host="lab-media"))
        await claim(ledger, "cut off by the restart")

    async def after(ledger: Ledger) -> None:
        assert await ledger.recover("me", 900) == 1
        assert [run.id for run in await ledger.runs()] == [4, 3, 2, 1]
        assert (await ledger.ring(again(3, host="lab-media"))).run_id == 4, "the same ring is the same run"
        assert (await claim(ledger)).host.name in ("lab-coder", "lab-media")
        # Whoever waits between two tries waits no longer than the longest wait, however far the clock was set back.
        assert (await ledger.find_next_due() or 0) <= 900
        await ledger.ring(again(5))
        assert (await ledger.host("lab-proxy")).state is HostState.DUE

    keep(tmp_path, before)
    jump(monkeypatch, seconds)
    keep(tmp_path, after)


@pytest.mark.parametrize("seconds", [-10 * YEAR, 10 * YEAR])
def test_the_real_ansible_plays_on_over_a_jump(tmp_path: Path, seconds: float) -> None:
    desk = make_real_desk(tmp_path, seconds, "sleep 1")

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")

    tell(tmp_path, desk, story)


def test_a_runs_limit_holds_over_a_jump_back(tmp_path: Path) -> None:
    desk = make_real_desk(tmp_path, -10 * YEAR, "sleep 62.5", limit_seconds=2)

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.TIMEOUT, "it took longer than 60 s")

    tell(tmp_path, desk, story, SETTINGS.model_copy(update={"attempts": 1}))


def make_real_desk(folder: Path, seconds: float, command: str, **facts: object) -> Desk:
    local = '{ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}'
    (folder / "hosts.yml").write_text(f"all: {{hosts: {{lab-proxy: {local}}}}}\n")
    task = f"{{name: wait, ansible.builtin.command: {command}}}"
    (folder / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks: [{task}]\n")
    argv = (sys.executable, str(RUNS / "jumping_worker.py"), str(seconds))
    return Desk(make_job(folder, **facts), argv)

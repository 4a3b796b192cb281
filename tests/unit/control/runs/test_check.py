"""Checks, with real workers that have something short in place of Ansible: what they find, and who goes first."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.app_words import tell_app, tell_apps
from tests.unit.control.runs.node import SETTINGS, Desk, Node, tell
from tests.unit.control.runs.test_reconciler import make_desk, read_notes

from homeprod.control.hosts.host import HostState, RunStatus
from homeprod.control.runs.attempt import NotYetError
from homeprod.control.runs.check import LEFT_OUT, MOST_TASKS
from homeprod.control.state import NodeState
from homeprod.core.overview.apps import UNKNOWN_FORM


async def until_notes(folder: Path, count: int) -> None:
    async with asyncio.timeout(30):
        while len(read_notes(folder)) < count:
            await asyncio.sleep(0.01)


def change_playbook(desk: Desk, playbook: str) -> None:
    desk.job = replace(desk.job, playbook=playbook)


def test_what_a_check_finds_is_kept_and_the_host_is_as_it_was(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        before = await node.ledger.host("lab-proxy")
        await node.check("lab-proxy")
        found = await node.wait_for_check("lab-proxy")
        assert [(one.task, one.target, one.diff) for one in found.drift] == [
            ("task 0", "/etc/0", "-a\n+b"),
            ("task 1", "/etc/1", "-a\n+b"),
        ]
        assert (found.revision, found.late, found.problem) == ("r1", None, "")
        assert await node.ledger.host("lab-proxy") == before
        check = (await node.ledger.runs(kind="check"))[0]
        assert [one.data for one in await node.ledger.events(check.id)][-1].startswith('{"change": {"task": "task 1"')
        assert node.desk.released == [1, 2]

    tell(tmp_path, make_desk(tmp_path, "differ 2"), story)


def test_more_than_is_kept_is_counted(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        await node.check("lab-proxy")
        found = await node.wait_for_check("lab-proxy")
        assert (len(found.drift), found.more) == (MOST_TASKS, 7)
        assert LEFT_OUT not in {one.diff for one in found.drift}

    tell(tmp_path, make_desk(tmp_path, f"differ {MOST_TASKS + 7}"), story)


def test_a_ring_ends_a_check_of_its_host_and_no_other(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")

    async def story(node: Node) -> None:
        for host in ("lab-proxy", "lab-coder"):
            await node.wait_for((await node.ring(host)).run_id)
        change_playbook(desk, "sleep 30")
        await node.check("lab-proxy", "lab-coder")
        await until_notes(tmp_path, 6)
        change_playbook(desk, "nothing")
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.attempt) == (RunStatus.SUCCESSFUL, 1)
        checks = {one.host: one for one in await node.ledger.runs(kind="check")}
        assert (checks["lab-proxy"].status, checks["lab-proxy"].problem) == (
            RunStatus.CANCELED,
            "a run of the host is due",
        )
        assert checks["lab-coder"].status is RunStatus.RUNNING

    tell(tmp_path, desk, story)


def test_where_there_is_no_room_a_check_makes_it(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")

    async def story(node: Node) -> None:
        for host in ("lab-proxy", "lab-coder"):
            await node.wait_for((await node.ring(host)).run_id)
        change_playbook(desk, "sleep 30")
        await node.check("lab-proxy", "lab-coder")
        await until_notes(tmp_path, 6)
        change_playbook(desk, "nothing")
        assert (await node.wait_for((await node.ring("lab-git")).run_id)).status is RunStatus.SUCCESSFUL
        statuses = [one.status for one in await node.ledger.runs(kind="check")]
        assert sorted(statuses) == [RunStatus.CANCELED, RunStatus.RUNNING]

    tell(tmp_path, desk, story, SETTINGS.model_copy(update={"parallel_runs": 2}))


def test_no_more_checks_at_once_than_runs(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")
    hosts = [f"host-{number}" for number in range(4)]

    async def story(node: Node) -> None:
        for host in hosts:
            await node.wait_for((await node.ring(host)).run_id)
        change_playbook(desk, "sleep 0.05")
        await node.check(*hosts)
        for host in hosts:
            await node.wait_for_check(host)

    tell(tmp_path, desk, story, SETTINGS.model_copy(update={"parallel_runs": 1}))
    assert [line.split()[0] for line in read_notes(tmp_path)] == ["begin", "end"] * 8


def test_a_host_that_does_not_answer_is_late_and_stays_idle(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        await node.check("lab-proxy")
        run = await node.until_checks("lab-proxy")
        assert (run.status, run.problem) == (RunStatus.LATE, "the host did not answer")
        found = (await node.ledger.checks.conditions())["lab-proxy"]
        assert found.late is not None
        assert found.due is not None
        assert 40 < found.due - node.ledger.clock.now() < 80, "it is asked again, and not at once"
        assert (await node.ledger.host("lab-proxy")).state is HostState.IDLE

    tell(tmp_path, make_desk(tmp_path, "away"), story)


def test_a_check_that_fails_says_why_and_is_not_tried_again_before_its_time(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")

    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        change_playbook(desk, "fail")
        await node.check("lab-proxy")
        found = await node.wait_for_check("lab-proxy")
        assert (found.problem, found.checked, found.late) == ("it was told to", None, None)
        desk.obstacle = NotYetError("waiting: vault repository")
        await node.check("lab-proxy")
        await node.wait_for_check("lab-proxy")
        desk.obstacle = None
        change_playbook(desk, "rush")
        await node.check("lab-proxy")
        assert "too fast" in (await node.wait_for_check("lab-proxy")).problem, "it is not said that nothing differs"
        assert [one.status for one in await node.ledger.runs(kind="check")] == [RunStatus.FAILED] * 3
        assert (await node.ledger.host("lab-proxy")).problem == ""

    tell(tmp_path, desk, story)


def test_a_lock_ends_checks_and_a_canceled_one_says_who(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")

    async def story(node: Node) -> None:
        for host in ("lab-proxy", "lab-coder"):
            await node.wait_for((await node.ring(host)).run_id)
        change_playbook(desk, "sleep 30")
        await node.check("lab-proxy", "lab-coder")
        await until_notes(tmp_path, 6)
        canceled, locked = await node.ledger.runs(kind="check")
        await node.ledger.cancel(canceled.id, "sean")
        assert (await node.wait_for(canceled.id)).problem == "canceled by sean"
        await node.reconciler.on_state(NodeState.LOCKED)
        run = await node.ledger.run(locked.id)
        assert (run.status, run.problem) == (RunStatus.CANCELED, "the control node was locked")
        assert node.reconciler.running == ()

    tell(tmp_path, desk, story)


def playbook_of(*apps: dict[str, Any]) -> str:
    return f"apps {json.dumps(tell_apps(*apps))}"


def test_runs_and_checks_bring_what_the_host_says_of_its_apps(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, playbook_of(tell_app("wiki")))

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        line = (await node.ledger.apps())["lab-proxy"]
        assert [(one.name, one.state, one.since) for one in line.apps] == [("wiki", "current", line.heard - 3060)]
        assert abs(line.heard - node.ledger.clock.now()) < 60
        assert not any("wiki" in event.data for event in await node.ledger.events(run.id)), "it is no event"
        change_playbook(desk, playbook_of(tell_app("wiki", "failed", problem="its disk is full")))
        await node.check("lab-proxy")
        found = await node.wait_for_check("lab-proxy")
        assert (found.drift, found.problem) == ((), "")
        assert (await node.ledger.apps())["lab-proxy"].apps[0].problem == "its disk is full"
        change_playbook(desk, "nothing")
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert "lab-proxy" in await node.ledger.apps(), "a run that says nothing of them takes nothing back"

    tell(tmp_path, desk, story)


def test_a_whole_check_that_hears_nothing_of_apps_knows_of_none(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, playbook_of(tell_app("wiki")))

    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        for playbook, is_known in (("fail", True), ("rush", True), ("nothing", False)):
            change_playbook(desk, playbook)
            await node.check("lab-proxy")
            await node.wait_for_check("lab-proxy")
            assert ("lab-proxy" in await node.ledger.apps()) is is_known, playbook
        change_playbook(desk, playbook_of(tell_app("wiki")))
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        await node.ledger.forget("lab-proxy", "anna")
        assert await node.ledger.apps() == {}

    tell(tmp_path, desk, story)


def test_a_word_of_no_known_form_ends_no_run_and_is_told_as_that(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert run.status is RunStatus.SUCCESSFUL
        line = (await node.ledger.apps())["lab-proxy"]
        assert (line.apps, line.problem) == ((), UNKNOWN_FORM)

    tell(tmp_path, make_desk(tmp_path, 'apps {"apps": [{"name": "<script>"}]}'), story)

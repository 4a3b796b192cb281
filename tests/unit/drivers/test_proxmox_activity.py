"""Activity: one list for all who wait for tasks of a node."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from tests.scripted_server import Answer, ScriptedServer, Seen
from tests.unit.drivers.conftest import Connect

from homeprod.core.errors import TransientError
from homeprod.drivers.proxmox.activity import FEW, FRESH, QUIET, Activity
from homeprod.engine.ports import Task


def upid(number: int) -> str:
    return f"UPID:pve:{number:08X}:0000ABCD:65A1B2C3:qmcreate:{number}:root@pam:"


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ActiveList:
    """What the node lists; ``status`` refuses it."""

    running: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    status: int = 200

    def __call__(self, _: Seen) -> Answer:
        data = [{"upid": upid(number)} for number in self.running]
        data += [{"upid": upid(number), "endtime": 1, "status": "OK"} for number in self.ended]
        return Answer(status=self.status, body=json.dumps({"data": data}).encode())


@pytest.fixture
def listed(server: ScriptedServer) -> ActiveList:
    server.script = ActiveList()
    return server.script


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def activity(connect: Connect, clock: Clock) -> Activity:
    return Activity(connect(), clock)


def wait_for_many(activity: Activity, stack: ExitStack) -> list[Task]:
    tasks = [Task(upid(number), "pve") for number in range(FEW + 1)]
    for task in tasks:
        stack.enter_context(activity.wait_for(task))
    return tasks


def test_one_list_serves_all(activity: Activity, clock: Clock, listed: ActiveList, server: ScriptedServer) -> None:
    listed.running, listed.ended = [0, 1], [2]
    with ExitStack() as stack:
        tasks = wait_for_many(activity, stack)
        assert [activity.shows(task, clock.now - 1) for task in tasks] == [True, True, False, False]
        assert len(server.seen) == 1
        assert "source=active" in server.seen[0].path


def test_a_list_grows_old(activity: Activity, clock: Clock, listed: ActiveList, server: ScriptedServer) -> None:
    listed.running = [0]
    with ExitStack() as stack:
        first, *_ = wait_for_many(activity, stack)
        assert activity.shows(first, clock.now - 1)
        listed.running = []
        assert activity.shows(first, clock.now - 1)
        clock.now += 2 * FRESH
        assert not activity.shows(first, clock.now - 1)
        assert len(server.seen) == 2


def test_a_task_begun_after_the_list_is_not_taken_for_ended(
    activity: Activity, clock: Clock, listed: ActiveList
) -> None:
    with ExitStack() as stack:
        first, second, *_ = wait_for_many(activity, stack)
        assert not activity.shows(first, clock.now - 1)
        assert activity.shows(second, clock.now + FRESH / 2)


def test_few_ask_for_themselves(activity: Activity, clock: Clock, listed: ActiveList, server: ScriptedServer) -> None:
    listed.running = [0]
    task = Task(upid(0), "pve")
    with activity.wait_for(task):
        assert not activity.shows(task, clock.now)
    assert not server.seen


def test_a_list_that_is_refused_is_not_asked_for_again(
    activity: Activity, clock: Clock, listed: ActiveList, server: ScriptedServer
) -> None:
    listed.status = 403
    with ExitStack() as stack:
        for task in wait_for_many(activity, stack):
            assert not activity.shows(task, clock.now - 1)
    assert len(server.seen) == 1


def test_of_many_who_wait_one_meets_a_list_that_fails(
    activity: Activity, clock: Clock, listed: ActiveList, server: ScriptedServer
) -> None:
    with ExitStack() as stack:
        first, *others = wait_for_many(activity, stack)
        listed.status = 595
        with pytest.raises(TransientError):
            activity.shows(first, clock.now - 1)
        asked = len(server.seen)
        assert not any(activity.shows(task, clock.now - 1) for task in others)
        assert len(server.seen) == asked
        listed.status, listed.running = 200, [0]
        clock.now += 2 * QUIET
        assert activity.shows(first, clock.now - 1)

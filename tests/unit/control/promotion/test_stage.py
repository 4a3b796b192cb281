"""What becomes of a host's part in a roll-out, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.control.upkeep.test_policy import HOST

from homeprod.control.hosts.host import HostState, Run, RunStatus
from homeprod.control.promotion.stage import Facts, Pair, RolloutState, Stage, StageState, follow
from homeprod.control.runs.problem import NO_ANSWER

OLD, NEW = "1" * 64, "2" * 64
WEB = Stage("web", NEW, Pair("r1", "v1"))
IDLE = replace(HOST, name="web", state=HostState.IDLE, applied_digest=OLD, attempted_revision=HOST.applied_revision)


def end(status: RunStatus, problem: str = "", number: int = 5) -> Run:
    return Run(number, "web", "prod", status, "r2", "i1", "promotion", 1, 0.0, 0.0, 1.0, "me", "", problem)


def find(stage: Stage, facts: Facts) -> Stage:
    return follow([stage], {"web": facts}).stages[0]


RUNNING = replace(WEB, state=StageState.RUNNING, run=5)


@pytest.mark.parametrize(
    ("stage", "facts", "state"),
    [
        (WEB, Facts(IDLE), StageState.WAITING),
        (WEB, Facts(replace(IDLE, applied_digest=NEW)), StageState.DONE),
        (WEB, Facts(replace(IDLE, applied_digest=NEW, attempted_revision="torn")), StageState.WAITING),
        (WEB, Facts(IDLE, obstacle="it does not answer"), StageState.LATE),
        (WEB, Facts(None), StageState.LATE),
        (replace(WEB, is_canary=True), Facts(IDLE, obstacle="it does not answer"), StageState.FAILED),
        (RUNNING, Facts(IDLE, end(RunStatus.QUEUED)), StageState.RUNNING),
        (RUNNING, Facts(replace(IDLE, applied_digest=NEW), end(RunStatus.SUCCESSFUL)), StageState.DONE),
        (RUNNING, Facts(IDLE, end(RunStatus.SUCCESSFUL)), StageState.WAITING),
        (RUNNING, Facts(IDLE, end(RunStatus.FAILED, "nginx")), StageState.FAILED),
        (RUNNING, Facts(IDLE, end(RunStatus.TIMEOUT)), StageState.FAILED),
        (RUNNING, Facts(IDLE, end(RunStatus.CANCELED, "canceled by sean")), StageState.FAILED),
        (RUNNING, Facts(IDLE, end(RunStatus.FAILED, f"{NO_ANSWER}: timed out")), StageState.LATE),
        (replace(RUNNING, is_canary=True), Facts(IDLE, end(RunStatus.FAILED, NO_ANSWER)), StageState.FAILED),
        (RUNNING, Facts(IDLE, end(RunStatus.QUEUED, number=6)), StageState.RUNNING),
        (replace(RUNNING, state=StageState.FAILED), Facts(IDLE, end(RunStatus.FAILED)), StageState.FAILED),
        (replace(RUNNING, state=StageState.FAILED), Facts(IDLE, end(RunStatus.QUEUED, number=6)), StageState.RUNNING),
        (replace(WEB, state=StageState.DONE), Facts(IDLE, end(RunStatus.FAILED)), StageState.DONE),
    ],
)
def test_what_a_stage_becomes(stage: Stage, facts: Facts, state: StageState) -> None:
    assert find(stage, facts).state is state


def test_nobody_begins_while_another_is_busy_with_what_was_before() -> None:
    mail = replace(WEB, host="mail")
    busy = Facts(replace(IDLE, name="mail", state=HostState.RUNNING))
    found = follow([WEB, mail], {"web": Facts(IDLE), "mail": busy})
    assert (found.state, found.next) == (RolloutState.GOING, "")
    free = follow([WEB, mail], {"web": Facts(IDLE), "mail": Facts(replace(IDLE, name="mail"))})
    assert free.next == "web"


def test_who_lacks_a_record_stops_it_where_its_turn_comes_and_nobody_overtakes() -> None:
    mail = replace(WEB, host="mail")
    found = follow([WEB, mail], {"web": Facts(IDLE, lack="it was red"), "mail": Facts(replace(IDLE, name="mail"))})
    assert (found.state, found.next, found.problem) == (RolloutState.STOPPED, "", "web: it was red")


def test_without_hosts_that_would_follow_there_is_none() -> None:
    assert follow([], {}).state is RolloutState.NONE

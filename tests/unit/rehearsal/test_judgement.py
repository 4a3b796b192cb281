"""What a rehearsal saw, and what it comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeprod.rehearsal.judgement import Look, Seen, judge
from homeprod.rehearsal.runs import RunSeen

GOOD = RunSeen("successful")
BAD = RunSeen("failed", "it does not start (at Start it)\nsee the journal")
TRIED = Seen(base=GOOD, check=GOOD, converge=RunSeen("successful", changed=3), again=GOOD, after=Look())


def test_all_well_is_green() -> None:
    verdict = judge(TRIED)
    assert (verdict.is_green, verdict.why, verdict.notes) == (True, (), ("check mode foresaw nothing",))


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (replace(TRIED, converge=BAD, again=None, after=None), "its run failed: it does not start (at Start it)"),
        (replace(TRIED, converge=RunSeen("timeout"), again=None), "its run took too long"),
        (replace(TRIED, converge=None), "its run was not come to"),
        (replace(TRIED, again=BAD), "its run, repeated, failed: it does not start (at Start it)"),
        (replace(TRIED, again=None), "its run, repeated, was not come to"),
        (
            replace(TRIED, again=RunSeen("successful", changed=2, tasks=("web : write", "date"))),
            "its run, repeated, changed something again: web : write, date",
        ),
        (
            replace(TRIED, again=RunSeen("successful", changed=1)),
            "its run, repeated, changed something again: 1 task",
        ),
        (replace(TRIED, after=None), "it was not looked at afterwards"),
        (replace(TRIED, after=Look(frozenset({"web.service"}))), "the unit web.service has failed"),
        (replace(TRIED, after=Look(broken_routes={"https://a": "503"})), "https://a: 503"),
        (
            replace(TRIED, after=Look(trouble="ssh ended with 255")),
            "it can be looked into no more: ssh ended with 255",
        ),
    ],
)
def test_one_thing_that_is_wrong_is_red_and_named(seen: Seen, why: str) -> None:
    verdict = judge(seen)
    assert not verdict.is_green
    assert verdict.why == (why,)


def test_what_was_wrong_before_is_no_fault_of_the_revision() -> None:
    look = Look(frozenset({"apt.service"}), {"https://a": "503"}, "no login")
    verdict = judge(replace(TRIED, base=BAD, before=look, after=look))
    assert verdict.is_green
    assert verdict.notes == (
        "at the present revision its run failed: it does not start (at Start it), so it was tried as it was then",
        "check mode foresaw nothing",
        "it could not be looked into: no login",
        "the unit apt.service had failed before, too",
        "https://a: not as expected before, either",
    )


def test_a_check_that_cannot_look_is_a_note() -> None:
    verdict = judge(replace(TRIED, check=BAD))
    assert verdict.is_green
    assert verdict.notes == ("check mode failed: it does not start (at Start it)",)
    tasks = tuple(f"task {number}" for number in range(7))
    [note] = judge(replace(TRIED, check=RunSeen("successful", changed=7, tasks=tasks))).notes
    assert note == "check mode foresaw 7 tasks: task 0, task 1, task 2, task 3, task 4 and 2 more"


def test_several_faults_are_all_told() -> None:
    seen = replace(TRIED, again=RunSeen("successful", changed=1), after=Look(frozenset({"b", "a"})))
    assert [one.rpartition(" ")[0] for one in judge(seen).why[1:]] == ["the unit a has", "the unit b has"]
    assert len(judge(seen).why) == 3

"""Checks in the ledger: asked when they are due, never two at a host, and nothing of the host's own is touched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.unit.control.hosts.test_ledger import RING, again, claim, finish, keep

from homeprod.control.hosts.condition import Condition, DriftTask, Finding, learn
from homeprod.control.hosts.errors import UnfitHostError, UnknownHostError
from homeprod.control.hosts.host import HostState, RunKind, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Outcome, Turn

CLEAN = Finding(RunStatus.SUCCESSFUL)
LATE = Finding(RunStatus.LATE, "the host did not answer")
MOTD = DriftTask("the message of the day", "base", "/etc/motd", "-old\n+new")
USER = DriftTask("sean may log in", "base", "sean")


def differ(*tasks: DriftTask) -> Finding:
    return Finding(RunStatus.SUCCESSFUL, drift=tasks)


@dataclass
class SetClock:
    seconds: float = 1_800_000_000.0

    def now(self) -> float:
        return self.seconds


async def configure(ledger: Ledger, revision: str = "r1") -> None:
    """A host that is as it should be, and asked now."""
    await ledger.ring(RING)
    await finish(ledger, await claim(ledger), revision=revision)
    await ledger.checks.plan({"lab-proxy": ledger.clock.now()}, {"lab-proxy"})


async def check(ledger: Ledger, found: Finding, revision: str = "r1", pause: float | None = None) -> Condition:
    turn = await claim_check(ledger)
    await ledger.begin(turn.run, revision)
    assert await ledger.checks.end(turn.run, found, lambda _: pause, 200)
    return (await ledger.checks.conditions())["lab-proxy"]


async def claim_check(ledger: Ledger) -> Turn:
    turn = await ledger.checks.claim("me")
    assert turn is not None
    return turn


def test_a_check_is_a_run_of_its_own_kind_and_the_host_stays_as_it_was(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        before = await ledger.host("lab-proxy")
        turn = await claim_check(ledger)
        assert (turn.run.kind, turn.run.status, turn.run.rung_by) == (RunKind.CHECK, RunStatus.RUNNING, "upkeep")
        assert await ledger.checks.claim("me") is None
        await ledger.begin(turn.run, "r2")
        assert await ledger.host("lab-proxy") == before
        assert await ledger.checks.end(turn.run, differ(MOTD), lambda _: None, 200)
        assert await ledger.host("lab-proxy") == before, "what was attempted and applied is no business of a check"
        run = (await ledger.runs(kind="check"))[0]
        assert (run.status, run.revision, run.ended is not None) == (RunStatus.SUCCESSFUL, "r2", True)
        assert [one.kind for one in await ledger.runs()] == [RunKind.CHECK, RunKind.CONFIGURE]
        assert await ledger.count_runs() == {RunStatus.SUCCESSFUL: 1}
        assert await ledger.checks.find_next() is None, "the next cycle asks again"
        assert not await ledger.checks.end(turn.run, CLEAN, lambda _: None, 200), "it has ended"

    keep(tmp_path, story)


def test_a_ring_is_not_claimed_beside_a_check_and_the_check_is_known_to_be_in_its_way(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        turn = await claim_check(ledger)
        assert await ledger.checks.list_in_the_way() == []
        await ledger.ring(again(2))
        assert await ledger.claim("me") is None
        assert await ledger.find_next_due() is None, "or whoever asks would ask again at once, and again"
        assert await ledger.checks.list_in_the_way() == [turn.run.id]
        await ledger.checks.end(turn.run, Finding(RunStatus.CANCELED, "a run is due"), lambda _: 60, 200)
        ring = await claim(ledger)
        assert (ring.run.kind, ring.run.attempt) == (RunKind.CONFIGURE, 1)
        await ledger.checks.plan({"lab-proxy": ledger.clock.now()}, {"lab-proxy"})
        assert await ledger.checks.claim("me") is None, "the other way round neither"

    keep(tmp_path, story)


def test_who_cannot_be_asked_is_not_and_nobody_waits_for_it(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        now = ledger.clock.now()
        await ledger.ring(RING)
        await ledger.checks.plan({"lab-proxy": now, "unheard-of": now}, {"lab-proxy", "unheard-of"})
        assert (await ledger.checks.claim("me"), await ledger.checks.find_next()) == (None, None), "never configured"
        await finish(ledger, await claim(ledger))
        assert (await ledger.checks.find_next() or 1) <= 0
        await ledger.ring(again(3, instance="another"))
        await finish(ledger, await claim(ledger), Outcome(RunStatus.FAILED, "no"))
        assert (await ledger.host("lab-proxy")).state is HostState.FAILED
        assert await ledger.checks.find_next() is None, "of another instance than the one that was configured"

    keep(tmp_path, story)


def test_a_failed_host_is_asked_and_stays_failed(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        await ledger.retry("lab-proxy", "sean")
        await finish(ledger, await claim(ledger), Outcome(RunStatus.FAILED, "no"), "r2")
        before = await ledger.host("lab-proxy")
        await check(ledger, differ(MOTD), "r2")
        assert (await ledger.host("lab-proxy"), before.state) == (before, HostState.FAILED)

    keep(tmp_path, story)


def test_a_host_that_is_off_is_late_since_the_first_time_and_is_asked_again_at_its_own_time(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        ledger.clock = clock = SetClock()  # type: ignore[assignment]
        await configure(ledger)
        found = await check(ledger, differ(MOTD))
        since = clock.seconds
        for misses in (1, 2, 3):
            clock.seconds += 100
            await ledger.checks.plan({"lab-proxy": clock.seconds}, {"lab-proxy"})
            found = await check(ledger, LATE, pause=50.0)
            assert (found.late, found.misses, found.due) == (since + 100, misses, clock.seconds + 50)
            await ledger.checks.plan({"lab-proxy": clock.seconds}, {"lab-proxy"})
            assert await ledger.checks.claim("me") is None, "a cycle does not ask a late host earlier"
        assert found.drift[0].since == since, "what was known of it stays known"
        assert (await ledger.runs(kind="check"))[0].status is RunStatus.LATE
        clock.seconds += 100
        found = await check(ledger, CLEAN)
        assert (found.late, found.misses, found.problem, found.drift) == (None, 0, "", ())

    keep(tmp_path, story)


def test_a_successful_run_where_something_differed_is_looked_at_at_once(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        await check(ledger, differ(MOTD))
        assert await ledger.checks.find_next() is None
        await ledger.retry("lab-proxy", "sean")
        await finish(ledger, await claim(ledger))
        assert (await ledger.checks.conditions())["lab-proxy"].proves
        assert (await check(ledger, CLEAN)).stubborn == frozenset()
        await ledger.retry("lab-proxy", "sean")
        await finish(ledger, await claim(ledger))
        assert await ledger.checks.find_next() is None, "where nothing differed the next cycle is early enough"

    keep(tmp_path, story)


def test_a_person_has_a_host_asked_before_its_time(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        ledger.clock = clock = SetClock()  # type: ignore[assignment]
        with pytest.raises(UnknownHostError):
            await ledger.checks.ask_now("lab-proxy")
        await ledger.ring(RING)
        with pytest.raises(UnfitHostError):
            await ledger.checks.ask_now("lab-proxy")
        await finish(ledger, await claim(ledger))
        await ledger.checks.ask_now("lab-proxy")
        await check(ledger, LATE, pause=50.0)
        await ledger.checks.ask_now("lab-proxy")
        turn = await claim_check(ledger)
        await ledger.checks.ask_now("lab-proxy")
        assert await ledger.checks.claim("me") is None, "never two at a host"
        await ledger.begin(turn.run, "r1")
        await ledger.checks.end(turn.run, CLEAN, lambda _: None, 200)
        clock.seconds += 1
        assert (await claim_check(ledger)).run.id == turn.run.id + 1, "that check may have looked before"
        await ledger.ring(again(9, instance="another"))
        with pytest.raises(UnfitHostError):
            await ledger.checks.ask_now("lab-proxy")

    keep(tmp_path, story)


def test_upkeep_may_converge_what_the_policy_says_and_its_run_is_like_any_other(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        await check(ledger, differ(MOTD))
        assert await ledger.checks.converge("lab-proxy", lambda _, __: False) is None
        assert await ledger.checks.converge("nobody", lambda _, __: True) is None
        accepted = await ledger.checks.converge("lab-proxy", lambda _, known: known is not None and known.has_drift)
        turn = await claim(ledger)
        assert (accepted and accepted.run_id, turn.run.rung_by) == (turn.run.id, "upkeep")
        await finish(ledger, turn)
        assert (await ledger.checks.find_next() or 1) <= 0

    keep(tmp_path, story)


def test_what_a_dead_daemon_left_of_a_check_is_ended_and_the_host_asked_anew(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        turn = await claim_check(ledger)
        assert await ledger.recover("another daemon", 900) == 1
        run = await ledger.run(turn.run.id)
        assert (run.status, run.problem) == (RunStatus.CANCELED, "cut off; the host is asked again")
        assert not await ledger.checks.end(turn.run, differ(MOTD), lambda _: None, 200)
        assert (await claim_check(ledger)).run.id == turn.run.id + 1

    keep(tmp_path, story)


def test_a_canceled_check_says_who_and_leaves_what_is_known(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        before = await check(ledger, differ(MOTD))
        await ledger.checks.plan({"lab-proxy": ledger.clock.now()}, {"lab-proxy"})
        turn = await claim_check(ledger)
        await ledger.cancel(turn.run.id, "sean")
        await ledger.checks.end(turn.run, Finding(RunStatus.CANCELED), lambda _: None, 200)
        assert (await ledger.run(turn.run.id)).problem == "canceled by sean"
        assert (await ledger.checks.conditions())["lab-proxy"] == before
        assert (await ledger.host("lab-proxy")).state is HostState.IDLE
        assert await ledger.want_current("unlock") == 0, "a canceled check is no canceled wish"

    keep(tmp_path, story)


def test_checks_push_no_run_out_of_the_ledger(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        turn = await claim(ledger)
        await ledger.begin(turn.run, "r1")
        await ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 2)
        for _ in range(5):
            await ledger.checks.plan({"lab-proxy": ledger.clock.now()}, {"lab-proxy"})
            turn = await claim_check(ledger)
            await ledger.checks.end(turn.run, CLEAN, lambda _: None, 2)
        assert [run.id for run in await ledger.runs()] == [6, 5, 1]

    keep(tmp_path, story)


def test_hosts_that_nobody_looks_at_any_more_are_forgotten_and_so_is_one_that_a_person_forgets(
    tmp_path: Path,
) -> None:
    async def story(ledger: Ledger) -> None:
        now = ledger.clock.now()
        await ledger.checks.plan({"lab-proxy": now, "lab-coder": now}, {"lab-proxy", "lab-coder"})
        await ledger.checks.plan({}, {"lab-proxy"})
        assert set(await ledger.checks.conditions()) == {"lab-proxy"}
        await ledger.note_wanted(RING)
        await ledger.forget("lab-proxy", "anna")
        assert await ledger.checks.conditions() == {}

    keep(tmp_path, story)


def test_rings_and_checks_at_once_never_make_two_runs_of_a_host_go_on(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        for number in range(2, 30):
            await ledger.checks.plan({"lab-proxy": ledger.clock.now()}, {"lab-proxy"})
            asked, _, turn = await asyncio.gather(
                ledger.checks.claim("me"), ledger.ring(again(number)), ledger.claim("me")
            )
            assert asked is None or turn is None
            assert len([run for run in await ledger.runs() if run.status is RunStatus.RUNNING]) <= 1
            if asked is not None:
                await ledger.checks.end(asked.run, CLEAN, lambda _: None, 200)
            await finish(ledger, turn or await claim(ledger))

    keep(tmp_path, story)


# What is learned of one finding after another


def test_since_is_kept_for_what_differed_before_and_begins_for_what_is_new() -> None:
    first = learn(Condition("lab-proxy"), differ(MOTD), "r1", 10.0)
    second = learn(first, differ(MOTD, USER), "r1", 20.0)
    assert [(one.task, one.since) for one in second.drift] == [(MOTD.task, 10.0), (USER.task, 20.0)]
    assert second.drift_since == 10.0
    third = learn(learn(second, CLEAN, "r1", 30.0), differ(MOTD), "r1", 40.0)
    assert third.drift_since == 40.0


def test_a_check_that_did_not_come_to_its_end_takes_nothing_back() -> None:
    known = learn(Condition("lab-proxy"), differ(MOTD), "r1", 10.0)
    broken = learn(known, Finding(RunStatus.FAILED, "a task failed", (USER,)), "r2", 20.0)
    assert [one.task for one in broken.drift] == [USER.task, MOTD.task]
    assert (broken.checked, broken.revision, broken.problem) == (10.0, "r1", "a task failed")


def test_a_check_after_a_run_that_did_not_come_to_its_end_says_what_the_run_did_not_put_right() -> None:
    proving = Condition("lab-proxy", checked=10.0, revision="r1", drift=(MOTD,), more=3, proves=True)
    broken = learn(proving, Finding(RunStatus.FAILED, "a task failed", (USER,)), "r1", 20.0)
    assert ([one.task for one in broken.drift], broken.more) == ([USER.task], 0)
    assert (broken.is_stubborn, broken.proves, broken.checked) == (True, False, 10.0), "no run follows it for ever"
    assert learn(proving, LATE, "r1", 20.0).proves, "nobody was asked"


def test_what_a_run_did_not_put_right_is_stubborn_until_the_head_or_the_drift_changes() -> None:
    proving = Condition("lab-proxy", revision="r1", drift=(MOTD,), proves=True)
    stubborn = learn(proving, differ(MOTD), "r1", 10.0)
    assert stubborn.is_stubborn
    assert learn(stubborn, differ(MOTD), "r1", 20.0).is_stubborn
    assert not learn(stubborn, differ(MOTD, USER), "r1", 20.0).is_stubborn, "something else differs too"
    assert not learn(stubborn, differ(MOTD), "r2", 20.0).is_stubborn, "another head"
    assert not learn(stubborn, CLEAN, "r1", 20.0).stubborn
    changed = DriftTask(MOTD.task, MOTD.role, MOTD.target, "-another\n+difference")
    assert learn(stubborn, differ(changed), "r1", 20.0).is_stubborn, "a date in a file is no new drift"
    before = learn(Condition("lab-proxy", revision="r1"), differ(MOTD), "r1", 10.0)
    assert not before.is_stubborn, "no run was tried"

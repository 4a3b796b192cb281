"""Days of upkeep with a clock of the test's: who is asked when, what is put right, what does not go on for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.unit.control.hosts.test_checks import LATE, MOTD, USER, differ
from tests.unit.control.upkeep.day import CLEAN, DONE, HOUR, Day, fail, live, make_settings, push

from homeprod.control.hosts.host import HostState, RunStatus
from homeprod.control.settings import UpkeepSettings
from homeprod.control.upkeep.upkeeper import CALM

CONVERGE = UpkeepSettings(policy="converge")
NIGHT = UpkeepSettings(policy="converge", window="02:00-05:00", time_zone="UTC")
Figure = Callable[[str], None]
TEN = tuple(f"host-{number}" for number in range(10))


def test_every_host_is_asked_once_a_cycle_and_not_all_at_once(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        draws = iter(range(10_000))
        day.upkeeper._draw = lambda most: next(draws) % 10 * most / 10
        await day.go_on(24 * HOUR)
        assert {day.checks[host] for host in TEN} == {24}
        assert day.origin.fetches == 24
        assert day.runs == {}
        assert len(set(day.moments)) == len(day.moments), "no two began together"
        keepings = await day.ledger.checks.conditions()
        assert {(one.drift, one.late, one.revision) for one in keepings.values()} == {((), None, "r1")}

    live(tmp_path, story, hosts=TEN)


def test_the_first_cycle_lets_what_waits_to_be_configured_go_first(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.upkeeper._cycles = {}
        day.upkeeper._stop_listening = lambda: None
        day.upkeeper.begin()
        try:
            assert day.upkeeper.find_next_cycle("lab") == day.clock.seconds + CALM
            assert day.upkeeper.find_next_cycle("prod") is None
        finally:
            await day.upkeeper.end()
        assert day.upkeeper.find_next_cycle("lab") is None
        day.upkeeper.knock()
        assert day.upkeeper._knocks.find_wait(day.clock.seconds) is None, "while Locked a knock is nothing"

    live(tmp_path, story)


def test_a_push_is_fetched_at_once_and_its_hosts_are_asked(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        await day.go_on(600)
        assert (day.checks["lab-proxy"], day.origin.fetches) == (1, 1)
        day.upkeeper._knocks.knock()
        await day.go_on(600)
        assert (day.checks["lab-proxy"], day.origin.fetches) == (1, 2), "nothing new: nobody is asked for a knock"
        push(day, "r2")
        day.upkeeper._knocks.knock()
        await day.go_on(600)
        assert (day.checks["lab-proxy"], day.origin.fetches) == (2, 3)
        assert (await day.ledger.checks.conditions())["lab-proxy"].revision == "r2"

    live(tmp_path, story)


def test_a_flood_of_knocks_costs_a_fetch_a_minute_and_no_check(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        for _ in range(3600):
            day.upkeeper._knocks.knock()
            await day.go_on(1)
        assert day.origin.fetches <= 1 + 6 + 61
        assert day.checks["lab-proxy"] == 1

    live(tmp_path, story)


def test_a_hundred_thousand_knocks_in_a_minute_and_the_push_of_the_last_is_not_lost(
    tmp_path: Path, figure: Figure
) -> None:
    async def story(day: Day) -> None:
        await day.go_on(HOUR / 2)
        fetches = day.origin.fetches
        for second in range(60):
            for _ in range(100_000 // 60 + 1):
                day.upkeeper._knocks.knock()
            if second == 59:
                push(day, "r2")
            await day.go_on(1)
        during = day.origin.fetches - fetches
        await day.go_on(HOUR / 4)
        after = day.origin.fetches - fetches - during
        figure(
            f"control: 100,000 knocks within a minute, ten hosts: {during} fetches meanwhile, {after} afterwards;"
            f" the push of the last one was seen, each host asked once for it"
        )
        assert during <= 8
        assert after <= 1
        assert {day.checks[host] for host in TEN} == {2}
        assert {one.revision for one in (await day.ledger.checks.conditions()).values()} == {"r2"}

    live(tmp_path, story, hosts=TEN)


def test_a_git_server_that_is_down_for_a_day_costs_little_is_said_once_and_nothing_is_lost(
    tmp_path: Path, figure: Figure
) -> None:
    async def story(day: Day) -> None:
        await day.go_on(HOUR)
        day.origin.is_down, fetches = True, day.origin.fetches
        day.finding = differ(MOTD)
        await day.go_on(24 * HOUR)
        figure(f"control: a git server that is down for a day: {day.origin.fetches - fetches} fetches")
        assert day.origin.fetches - fetches <= 24 + 8
        assert day.checks["lab-proxy"] == 25, "hosts are asked on, after the head that was believed last"
        assert [(one.about, one.text) for one in day.watchman.troubles] == [
            ("playbook repository", "waiting: playbook repository: the git host does not answer")
        ]
        since = day.watchman.troubles[0].since
        await day.go_on(HOUR)
        assert day.watchman.troubles[0].since == since
        assert len((await day.ledger.checks.conditions())["lab-proxy"].drift) == 1
        day.origin.is_down = False
        push(day, "r2")
        await day.go_on(HOUR)
        assert day.watchman.troubles == ()
        assert (await day.ledger.checks.conditions())["lab-proxy"].revision == "r2"

    live(tmp_path, story)


def test_what_was_pushed_while_the_git_server_was_down_is_applied_at_the_first_knock(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        await day.go_on(HOUR)
        day.origin.is_down = True
        for head in ("r2", "r3"):
            push(day, head)
            await day.go_on(12 * HOUR)
        assert (day.runs, len(day.watchman.troubles)) == ({}, 1)
        day.origin.is_down = False
        day.upkeeper._knocks.knock()
        await day.go_on(30)
        assert day.watchman.troubles == ()
        assert {day.runs[host] for host in TEN} == {1}, "the newest alone"
        assert {host.applied_revision for host in await day.ledger.hosts()} == {"r3"}

    live(tmp_path, story, CONVERGE, TEN)


def test_a_fetch_that_failed_once_is_tried_again_before_the_next_cycle(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.origin.is_down = True
        await day.go_on(10)
        day.origin.is_down = False
        await day.go_on(120)
        assert (day.origin.fetches, day.watchman.troubles) == (2, ())

    live(tmp_path, story, UpkeepSettings(every=1440))


def test_by_default_what_differs_is_told_and_never_touched(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.finding = differ(MOTD)
        push(day, "r2")
        await day.go_on(48 * HOUR)
        assert day.runs == {}
        found = (await day.ledger.checks.conditions())["lab-proxy"]
        assert day.clock.seconds - (found.drift_since or 0) > 47 * HOUR

    live(tmp_path, story)


def test_converge_puts_right_what_differs_and_looks_at_once_whether_it_did(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        await day.go_on(HOUR)
        day.finding = differ(MOTD)
        day.on_run = lambda: setattr(day, "finding", CLEAN)
        await day.go_on(24 * HOUR)
        assert (day.runs["lab-proxy"], day.checks["lab-proxy"]) == (1, 26)
        run = (await day.ledger.runs(kind="configure"))[0]
        assert (run.rung_by, run.status) == ("upkeep", "successful")
        found = (await day.ledger.checks.conditions())["lab-proxy"]
        assert (found.drift, found.proves) == ((), False)
        day.finding = differ(MOTD)
        await day.go_on(2 * HOUR)
        assert day.runs["lab-proxy"] == 2, "the same by hand again is drift again"

    live(tmp_path, story, CONVERGE)


def test_a_host_that_is_behind_is_brought_to_the_head(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        await day.go_on(HOUR)
        push(day, "r2")
        day.upkeeper._knocks.knock()
        await day.go_on(30)
        assert {day.runs[host] for host in TEN} == {1}
        assert {host.applied_revision for host in await day.ledger.hosts()} == {"r2"}

    live(tmp_path, story, CONVERGE, TEN)


def test_a_play_that_is_not_idempotent_runs_once_for_each_head_and_each_new_drift(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.finding = differ(MOTD)
        await day.go_on(72 * HOUR)
        assert day.runs["lab-proxy"] == 1
        assert (await day.ledger.checks.conditions())["lab-proxy"].is_stubborn
        day.finding = differ(MOTD, USER)
        await day.go_on(72 * HOUR)
        assert day.runs["lab-proxy"] == 2, "something else differs besides"
        push(day, "r2")
        await day.go_on(72 * HOUR)
        assert day.runs["lab-proxy"] == 3

    live(tmp_path, story, CONVERGE)


def test_checks_that_come_to_no_end_bring_no_runs_without_end(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.finding = replace(differ(MOTD), status=RunStatus.FAILED, problem="a task failed")
        await day.go_on(72 * HOUR)
        assert day.runs["lab-proxy"] == 1

    live(tmp_path, story, CONVERGE)


def test_what_failed_is_not_tried_again_for_the_same_head(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.finding, day.outcome = differ(MOTD), fail("a task failed")
        await day.go_on(72 * HOUR)
        assert day.runs["lab-proxy"] == 1
        assert (await day.ledger.host("lab-proxy")).state is HostState.FAILED
        push(day, "r2")
        await day.go_on(72 * HOUR)
        assert day.runs["lab-proxy"] == 2, "a newer head begins again"
        day.outcome = DONE
        day.on_run = lambda: setattr(day, "finding", CLEAN)
        await day.ledger.retry("lab-proxy", "sean")
        await day.go_on(72 * HOUR)
        assert day.runs["lab-proxy"] == 3, "and so does a person"
        assert (await day.ledger.host("lab-proxy")).state is HostState.IDLE

    live(tmp_path, story, CONVERGE)


def test_a_host_that_goes_off_amid_a_run_is_late_and_put_right_when_it_is_back(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.finding, day.outcome = differ(MOTD), fail("the host did not answer (at a task)", is_off=True)
        day.on_run = lambda: setattr(day, "finding", LATE)
        await day.go_on(12 * HOUR)
        assert day.runs["lab-proxy"] == 1
        assert (await day.ledger.checks.conditions())["lab-proxy"].late is not None
        day.finding, day.outcome = differ(MOTD), DONE
        day.on_run = lambda: setattr(day, "finding", CLEAN)
        await day.go_on(2 * HOUR)
        assert (day.runs["lab-proxy"], (await day.ledger.host("lab-proxy")).state) == (2, HostState.IDLE)

    live(tmp_path, story, CONVERGE)


def test_a_host_that_is_off_for_a_day_is_asked_more_and_more_seldom(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.finding = LATE
        await day.go_on(24 * HOUR)
        assert 24 <= day.checks["lab-proxy"] <= 24 + 8
        host = await day.ledger.host("lab-proxy")
        assert (host.state, host.problem, day.runs) == (HostState.IDLE, "", {})
        day.finding = CLEAN
        await day.go_on(HOUR + 60)
        assert (await day.ledger.checks.conditions())["lab-proxy"].late is None

    live(tmp_path, story, CONVERGE)


def test_in_a_window_alone(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.clock.seconds += 6 * HOUR
        day.finding = differ(MOTD)
        day.on_run = lambda: setattr(day, "finding", CLEAN)
        await day.go_on(19 * HOUR)
        assert day.runs == {}, "until one in the morning"
        push(day, "r2")
        await day.go_on(1.5 * HOUR)
        assert day.runs["lab-proxy"] == 1
        run = (await day.ledger.runs(kind="configure"))[0]
        assert run.created % (24 * HOUR) - 2 * HOUR < 10, "as soon as it opens, not at the next cycle"

    live(tmp_path, story, NIGHT)


def test_an_environment_that_nobody_keeps_is_forgotten_and_one_that_is_not_known_yet_is_not(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        day.finding = differ(MOTD)
        await day.go_on(HOUR)
        known, day.origin.known, day.origin.is_down = day.origin.known, None, True
        await day.go_on(2 * HOUR)
        assert set(await day.ledger.checks.conditions()) == {"lab-proxy"}, "no inventory says nothing of who is gone"
        day.origin.known, day.origin.is_down, day.origin.hosts = known, False, ("lab-coder",)
        await day.go_on(2 * HOUR)
        assert set(await day.ledger.checks.conditions()) == {"lab-coder"}

    live(tmp_path, story)


def test_a_site_may_change_how_often_by_a_commit(tmp_path: Path) -> None:
    async def story(day: Day) -> None:
        await day.go_on(HOUR)
        day.settings = make_settings(UpkeepSettings(every=10))
        await day.go_on(HOUR)
        assert day.checks["lab-proxy"] == 1 + 5
        day.finding = LATE
        await day.go_on(HOUR)
        day.checks["lab-proxy"] = 1 + 5
        day.settings = make_settings(None)
        await day.go_on(HOUR)
        assert await day.ledger.checks.conditions() == {}, "a late host is not asked on and on"
        assert day.checks["lab-proxy"] == 1 + 5
        assert day.upkeeper.find_next_cycle("lab") is None

    live(tmp_path, story, UpkeepSettings(every=1440))

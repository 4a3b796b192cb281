"""Renewals in the ledger: begun where a check found a certificate that is due; after tries in vain more seldom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.unit.ansible.test_collection import COLLECTIONS
from tests.unit.control.hosts.test_checks import CLEAN, LATE, MOTD, SetClock, check, claim_check, configure, differ
from tests.unit.control.hosts.test_ledger import again, keep

from homeprod.control.hosts.condition import RENEWAL, Condition, DriftTask, Finding
from homeprod.control.hosts.host import RunKind, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.runs.preparation import TAGS

DUE = DriftTask(RENEWAL[1], "homeprod.site.certificates")
FAILED = Finding(RunStatus.FAILED, "the authority is down")
DONE = Finding(RunStatus.SUCCESSFUL)


async def renew(ledger: Ledger, found: Finding = DONE) -> Condition:
    turn = await claim_check(ledger)
    assert (turn.run.kind, turn.run.rung_by) == (RunKind.RENEWAL, "upkeep")
    await ledger.begin(turn.run, "r1")
    assert await ledger.checks.end_renewal(turn.run, found, 60, 200)
    return (await ledger.checks.conditions())["lab-proxy"]


def test_what_is_due_is_renewed_at_once_and_a_check_shows_it(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        found = await check(ledger, differ(DUE))
        assert (found.has_drift, found.needs_run, found.is_stubborn) == (True, False, False)
        before = await ledger.host("lab-proxy")
        assert (await renew(ledger)).renewals == 1
        assert await ledger.host("lab-proxy") == before, "it is as wanted, attempted and applied as before"
        found = await check(ledger, CLEAN)
        assert (found.renewal_at, found.renewals, found.drift) == (None, 0, ())
        assert await ledger.checks.claim("me") is None
        assert [one.kind for one in await ledger.runs()] == ["check", "renewal", "check", "configure"]

    keep(tmp_path, story)


def test_after_tries_in_vain_it_waits_longer_each_time_and_a_day_at_most(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        ledger.clock = clock = SetClock()  # type: ignore[assignment]
        await configure(ledger)
        await check(ledger, differ(DUE))
        waits = []
        for number in range(1, 8):
            assert (await renew(ledger, FAILED)).renewals == number
            found = await check(ledger, differ(DUE))
            assert found.renewal_problem == "the authority is down"
            assert found.renewal_at is not None
            waits.append((found.renewal_at - clock.now()) / 3600)
            clock.seconds = found.renewal_at - 1
            assert await ledger.checks.claim("me") is None
            clock.seconds += 1
        assert waits == [1, 2, 4, 8, 16, 24, 24]
        assert await ledger.checks.find_next() == 0

    keep(tmp_path, story)


def test_a_host_that_is_off_or_a_check_that_did_not_see_it_changes_nothing_of_that(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        await check(ledger, differ(DUE))
        late = await renew(ledger, LATE)
        assert (late.late is not None, late.renewals, late.renewal_at) == (True, 0, None)
        found = await check(ledger, replace(differ(MOTD), status=RunStatus.FAILED, problem="it broke off"))
        assert (found.renewal_at, found.needs_run) == (None, True)
        await ledger.checks.plan({"lab-proxy": ledger.clock.now()}, {"lab-proxy"})
        assert (await check(ledger, differ(MOTD, DUE))).renewal_at is not None

    keep(tmp_path, story)


def test_one_that_was_cut_off_is_begun_anew_soon(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        ledger.clock = clock = SetClock()  # type: ignore[assignment]
        await configure(ledger)
        await check(ledger, differ(DUE))
        cut = await renew(ledger, Finding(RunStatus.CANCELED, "the control node was locked"))
        assert (cut.renewal_at, cut.renewals) == (clock.now() + 60, 0)
        clock.seconds += 60
        assert (await renew(ledger)).renewals == 1

    keep(tmp_path, story)


def test_one_that_a_person_canceled_counts_as_a_try(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        await check(ledger, differ(DUE))
        turn = await claim_check(ledger)
        await ledger.cancel(turn.run.id, "sean")
        assert await ledger.checks.end_renewal(turn.run, Finding(RunStatus.CANCELED), 60, 200)
        run = await ledger.run(turn.run.id)
        assert (run.status, run.problem) == (RunStatus.CANCELED, "canceled by sean")
        assert (await ledger.checks.conditions())["lab-proxy"].renewals == 1

    keep(tmp_path, story)


def test_one_that_a_daemon_left_is_tried_again(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        await check(ledger, differ(DUE))
        left = await claim_check(ledger)
        assert await ledger.recover("another", 900) == 1
        assert (await ledger.run(left.run.id)).problem == "cut off; it is tried again"
        assert not await ledger.checks.end_renewal(left.run, DONE, 60, 200), "whoever is thought dead ends nothing"
        assert (await renew(ledger)).renewals == 1

    keep(tmp_path, story)


def test_no_run_of_a_host_goes_on_beside_it(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await configure(ledger)
        await check(ledger, differ(DUE))
        turn = await claim_check(ledger)
        await ledger.ring(again(7))
        assert await ledger.claim("me") is None
        assert await ledger.checks.list_in_the_way() == [], "an order with an authority is not broken off"
        assert await ledger.checks.end_renewal(turn.run, DONE, 60, 200)
        assert await ledger.claim("me") is not None
        assert await ledger.checks.claim("me") is None

    keep(tmp_path, story)


@pytest.mark.parametrize("file", ["main", "prepare"])
def test_every_task_of_the_role_has_the_tag_that_a_renewal_goes_by(file: str) -> None:
    place = COLLECTIONS / "ansible_collections/homeprod/site/roles" / RENEWAL[0] / f"tasks/{file}.yml"
    tasks = yaml.safe_load(place.read_text())
    assert {task["tags"] for task in tasks} == {*TAGS[RunKind.RENEWAL]}
    assert file == "prepare" or RENEWAL[1] in [task["name"] for task in tasks]

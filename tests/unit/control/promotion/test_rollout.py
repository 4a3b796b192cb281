"""Roll-outs: hosts follow what was admitted, one after the other, and nobody behind one that failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.control.hosts.test_checks import CLEAN, LATE, MOTD, differ
from tests.unit.control.promotion.gated import DONE, FAILED, HOSTS, OFF, ORDER, Life, Site, begin

from homeprod.control.hosts.errors import HeldKeyError
from homeprod.control.hosts.host import HostState, Ring, Run
from homeprod.control.hosts.turn import Outcome
from homeprod.control.promotion.standing import describe
from homeprod.control.settings import PromotionSettings, UpkeepSettings
from homeprod.core.overview.apps import AppLine, AppsLine


async def promote(site: Site, life: Life, *roles: str, text: str = "two") -> str:
    head = site.change(*roles, text=text)
    site.try_on(*(f"prod-{role}" for role in roles))
    standing = await life.fetch()
    assert standing.held == ()
    return head


def test_hosts_follow_in_the_sites_order_one_after_the_other(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first, second = site.head, await promote(site, life, "web", "mail", "proxy")
        await life.gate.step()
        assert life.states == {"prod-proxy": "running", "prod-web": "waiting", "prod-mail": "waiting"}
        job = await life.check("prod-web", differ(MOTD))
        assert job.revision == first, "who waits is looked at by what it is at"
        await life.ring("prod-mail", "i2")  # made anew meanwhile
        assert sorted(await life.run_due(most=2)) == ["prod-mail", "prod-proxy"]
        assert await life.find_applied() == {"prod-mail": first, "prod-proxy": second, "prod-web": first}
        assert await life.roll_out() == ["prod-web", "prod-mail"]
        assert set((await life.find_applied()).values()) == {second}
        assert describe(life.standing)["rollout"]["state"] == "done"  # type: ignore[index]
        assert [run.rung_by for run in await life.ledger.runs(1, "prod-web")] == ["promotion"]

    begin(site, story)


def test_the_canary_goes_first_and_without_it_nobody_goes(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site", PromotionSettings(order=ORDER, canary=("prod-mail",)))

    async def story(life: Life) -> None:
        first = site.head
        await life.check("prod-mail", LATE)
        await promote(site, life, "web", "mail")
        assert await life.roll_out() == []
        (trouble,) = life.gate.troubles
        assert trouble.about == "prod: a roll-out has stopped"
        assert "stopped at prod-mail: the host did not answer; 1 host stays as before" in trouble.text
        assert life.gate.gate(await life.ledger.host("prod-web")).words.startswith("stays as it is")  # type: ignore[union-attr]
        assert set((await life.find_applied()).values()) == {first}
        await life.ledger.retry("prod-mail", "sean")
        assert await life.run_due() == ["prod-mail"]
        assert await life.roll_out() == ["prod-web"]
        assert life.gate.troubles == ()

    begin(site, story)


def test_the_first_that_fails_stops_the_rest_until_a_person_or_a_newer_revision(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        second = await promote(site, life, *("web", "mail", "proxy"))
        assert await life.roll_out(lambda run: FAILED if run.host == "prod-web" else DONE) == [
            "prod-proxy",
            "prod-web",
        ]
        assert life.states == {"prod-proxy": "done", "prod-web": "failed", "prod-mail": "waiting"}
        assert await life.find_applied() == {"prod-mail": first, "prod-proxy": second, "prod-web": first}
        for _ in range(3):
            assert await life.roll_out() == []
        assert "stopped at prod-web: nginx does not start; 1 host stays as before" in life.standing.tell_stopped()
        await life.ledger.retry("prod-web", "sean")
        await life.gate.step()
        assert life.states["prod-web"] == "running"
        assert await life.run_due(FAILED) == ["prod-web"]
        assert await life.roll_out() == []
        third = await promote(site, life, "web", text="three")
        assert await life.roll_out() == ["prod-web", "prod-mail"], "what failed is no more in the way"
        assert await life.find_applied() == {"prod-mail": third, "prod-proxy": second, "prod-web": third}

    begin(site, story)


def test_a_host_that_failed_half_way_is_brought_back_by_the_way_back(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        await promote(site, life, "web", "mail")
        assert await life.roll_out(FAILED) == ["prod-web"]
        back = site.roll_back(first)
        await life.fetch()
        assert life.standing.held == ()
        assert await life.roll_out() == ["prod-web"], "and whom it did not reach is as it was"
        assert await life.find_applied() == {"prod-mail": first, "prod-proxy": first, "prod-web": back}

    begin(site, story)


def test_a_host_that_is_off_is_late_and_follows_when_it_is_back(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        for host in HOSTS:
            await life.check(host, CLEAN)
        await life.check("prod-proxy", LATE)
        second = await promote(site, life, "proxy", "web", "mail")
        ran = await life.roll_out(lambda run: OFF if run.host == "prod-web" else DONE)
        assert ran == ["prod-web", "prod-mail"], "one was known to be off, the other did not answer"
        assert life.states == {"prod-proxy": "late", "prod-web": "late", "prod-mail": "done"}
        assert life.standing.tell_stopped() == ""
        assert describe(life.standing)["rollout"]["state"] == "done"  # type: ignore[index]
        await life.check("prod-web", CLEAN)
        assert await life.roll_out() == ["prod-web"]
        await life.check("prod-proxy", differ(MOTD))
        assert await life.roll_out() == ["prod-proxy"]
        assert set((await life.find_applied()).values()) == {second}
        assert first != second

    begin(site, story)


def test_who_comes_back_after_its_record_has_expired_stays_as_it_is(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        for host in HOSTS:
            await life.check(host, CLEAN)
        await life.check("prod-web", LATE)
        await promote(site, life, "web")
        assert await life.roll_out() == []
        site.clock.seconds += 20 * 86_400
        await life.check("prod-web", CLEAN)
        assert await life.roll_out() == []
        assert life.states == {"prod-web": "late"}
        words = life.gate.gate(await life.ledger.host("prod-web")).words  # type: ignore[union-attr]
        assert words == "held at the gate: its record is expired, of sean's trial on lab-web"
        site.try_on("prod-web")
        await life.fetch()
        assert await life.roll_out() == ["prod-web"]

    begin(site, story)


def test_a_record_that_is_revoked_meanwhile_stops_it(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        await promote(site, life, "web", "mail")
        await life.gate.step()
        assert await life.run_due() == ["prod-web"]
        site.clock.seconds += 60
        site.try_on("prod-mail", is_green=False)
        await life.fetch()
        assert await life.roll_out() == []
        assert "stopped at prod-mail: its trial on lab-mail was red" in life.standing.tell_stopped()
        site.clock.seconds += 60
        site.try_on("prod-mail")
        await life.fetch()
        assert await life.roll_out() == ["prod-mail"]

    begin(site, story)


@pytest.mark.parametrize(("before", "after", "goes_on"), [("current", "failed", False), ("failed", "failed", True)])
def test_an_app_that_fails_with_it_stops_it_and_one_that_was_ill_does_not(
    tmp_path: Path, before: str, after: str, goes_on: bool
) -> None:
    site = Site.make(tmp_path / "site")

    def say(state: str) -> AppsLine:
        app = AppLine(name="wiki", state=state, verified="sean")  # type: ignore[arg-type]
        return AppsLine(heard=site.clock.seconds, looked=site.clock.seconds, apps=(app,))

    async def story(life: Life) -> None:
        async def hear(state: str) -> None:
            await life.ring("prod-web", f"i-{state}-{site.clock.seconds}")
            turn = await life.ledger.claim("me")
            assert turn is not None
            await life.ledger.keep_apps(turn.run, say(state))
            assert await life.play(turn)

        await hear(before)
        await promote(site, life, "web", "mail")
        await life.gate.step()
        turn = await life.ledger.claim("me")
        assert turn is not None
        await life.ledger.keep_apps(turn.run, say(after))
        assert await life.play(turn)
        assert await life.roll_out() == (["prod-mail"] if goes_on else [])
        if not goes_on:
            assert "stopped at prod-web: of its apps wiki is failed" in life.standing.tell_stopped()

    begin(site, story)


def test_a_newer_head_amid_a_roll_out_takes_its_place(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        second = await promote(site, life, "proxy", "web", "mail")
        await life.gate.step()
        assert await life.run_due() == ["prod-proxy"]
        third = await promote(site, life, "mail", text="three")
        assert life.states == {"prod-web": "running", "prod-mail": "waiting"}
        assert life.standing.admission.find_pair("prod-mail").revision == first  # type: ignore[union-attr]
        assert life.standing.admission.find_pair("prod-proxy").revision == third  # type: ignore[union-attr]
        assert await life.roll_out() == ["prod-web", "prod-mail"]
        assert await life.find_applied() == {"prod-mail": third, "prod-proxy": second, "prod-web": third}

    begin(site, story)


def test_a_run_that_was_canceled_stops_it(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        await promote(site, life, "web", "mail")
        await life.gate.step()
        (run,) = await life.ledger.runs(1)
        await life.ledger.cancel(run.id, "sean")
        assert await life.roll_out() == []
        assert "stopped at prod-web: canceled by sean" in life.standing.tell_stopped()

    begin(site, story)


def test_runs_that_are_tried_again_are_one_stage(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")
    tries: list[Run] = []

    def fail_once(run: Run) -> Outcome:
        tries.append(run)
        return Outcome(FAILED.status, "busy", retry_at=site.clock.seconds + 5) if len(tries) == 1 else DONE

    async def story(life: Life) -> None:
        await promote(site, life, "web", "mail")
        await life.gate.step()
        assert await life.run_due(fail_once) == ["prod-web"]
        await life.gate.step()
        assert life.states == {"prod-web": "running", "prod-mail": "waiting"}
        site.clock.seconds += 10
        assert await life.roll_out(fail_once) == ["prod-mail"] or tries[1].host == "prod-web"
        assert set(life.states.values()) == {"done"}

    begin(site, story)


def test_a_host_that_was_forgotten_or_whose_key_is_held_holds_nobody_up(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        await promote(site, life, "proxy", "web", "mail")
        with pytest.raises(HeldKeyError):
            await life.ledger.ring(Ring("msg_x", "prod-web", "prod", "i1", ("ssh-ed25519 BBBB",), "sean", "x"))
        await life.run_due()
        await life.ledger.forget("prod-mail", "sean")
        assert await life.roll_out() == []
        assert life.states == {"prod-proxy": "done", "prod-web": "late", "prod-mail": "late"}
        problems = {one.host: one.problem for one in life.standing.rollout.stages}
        assert problems["prod-web"] == "it waits for a person: its SSH host key"
        assert (await life.ledger.host("prod-web")).state is HostState.IDLE

    begin(site, story)


def test_upkeep_keeps_hosts_at_what_was_admitted_and_rolls_out_nothing(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")
    site.upkeep = UpkeepSettings(policy="converge")

    async def story(life: Life) -> None:
        first = site.head
        await life.check("prod-mail", differ(MOTD))
        site.change("web", "mail")
        await life.fetch()
        await life.upkeeper.step()
        assert await life.run_due() == ["prod-mail"], "held or not, what differs is put right"
        assert await life.find_applied() == dict.fromkeys(HOSTS, first)
        await life.check("prod-mail", CLEAN)
        site.try_on("prod-web", "prod-mail")
        await life.fetch()
        await life.check("prod-mail", differ(MOTD))
        await life.upkeeper.step()
        queued = {run.host: run.rung_by for run in await life.ledger.runs(2, kind="configure")}
        assert queued == {"prod-mail": "upkeep", "prod-web": "promotion"}
        turns = [await life.ledger.claim("me"), await life.ledger.claim("me")]
        for turn in sorted((one for one in turns if one is not None), key=lambda one: one.host.name):
            assert await life.play(turn)
        jobs = {run.host: job.revision for run, job in life.jobs[-2:]}
        assert jobs == {"prod-mail": first, "prod-web": site.head}, "before its turn it stays at what it is at"
        assert await life.roll_out() == ["prod-mail"]

    begin(site, story)

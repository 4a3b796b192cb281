"""The gate: prod goes to what was tried, and to nothing else, however its branch has moved."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.records import Person
from tests.unit.control.hosts.test_checks import MOTD, differ
from tests.unit.control.hosts.test_renewals import DUE
from tests.unit.control.promotion.gated import (
    DAY,
    DONE,
    HOSTS,
    OFF,
    ORDER,
    Life,
    Site,
    begin,
    configure,
    live,
    write_inventory,
)

from homeprod.control.hosts.host import HostState, RunKind
from homeprod.control.promotion.stage import RolloutState
from homeprod.control.promotion.standing import describe
from homeprod.control.settings import PromotionSettings
from homeprod.core.tree import File, Kind, Tree
from homeprod.drivers.playbooks import read_collection
from homeprod.promotion.record import Clear

pytestmark = pytest.mark.slow


def test_a_fresh_site_runs_nothing_that_was_not_tried_and_then_what_was(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        standing = await life.fetch()
        assert [one.host for one in standing.held] == sorted(HOSTS)
        assert all("never tried" in one.why for one in standing.held)
        await configure(life)
        assert life.jobs == []
        waiting = await life.ledger.host("prod-web")
        assert waiting.state is HostState.DUE
        assert waiting.problem.startswith("held at the gate: ")
        site.try_on(*HOSTS)
        await life.fetch()
        assert life.standing.held == ()
        assert sorted(await life.run_due()) == sorted(HOSTS), "at once, and not when their wait is over"
        assert all(job.digest == site.find_digests()[job.host] for _, job in life.jobs), "the same on both machines"

    live(site, story)


def test_an_untried_head_is_held_whoever_moved_the_branch_and_hosts_go_on_with_the_one_before(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        second = site.change("web")
        standing = await life.fetch()
        assert [(one.host, one.digest) for one in standing.held] == [("prod-web", site.find_digests()["prod-web"])]
        assert standing.admission is not None
        assert standing.admission.pair.revision == first
        assert await life.roll_out() == []
        (trouble,) = life.gate.troubles
        assert trouble.about == "prod: a revision is held at the gate"
        held = f"prod: {second[:12]} is held, and hosts stay at {first[:12]}: prod-web: it has no record for what"
        assert trouble.text.startswith(held)
        await life.ring("prod-web", "i2")
        assert await life.run_due() == ["prod-web"], "made anew, it is what it was"
        assert life.jobs[-1][1].revision == first
        job = await life.check("prod-web", differ(MOTD))
        assert (job.revision, job.is_check) == (first, True), "what is there is looked at by what was admitted"
        assert life.gate.last("prod", "prod-web").playbooks == Path(job.playbooks)  # type: ignore[union-attr]
        site.try_on("prod-web")
        standing = await life.fetch()
        assert standing.held == ()
        assert life.gate.troubles == ()
        assert await life.roll_out() == ["prod-web"], "whom it does not touch is left alone"
        assert await life.find_applied() == {"prod-mail": first, "prod-proxy": first, "prod-web": second}
        host = await life.ledger.host("prod-mail")
        assert life.gate.gate(host).is_behind is False  # type: ignore[union-attr]

    begin(site, story)


def test_certificates_are_renewed_at_what_was_admitted(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        site.change("web")
        await life.fetch()
        await life.check("prod-web", differ(DUE))
        turn = await life.ledger.checks.claim("me")
        assert turn is not None
        assert turn.run.kind is RunKind.RENEWAL
        job = await life.desk.prepare(turn)
        assert (job.revision, job.tags) == (first, ("homeprod_certificates",))

    begin(site, story)


def test_a_commit_that_touches_no_host_passes_by_itself(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        head = site.playbooks.commit({"README.md": "words\n"})
        standing = await life.fetch()
        assert standing.admission is not None
        assert (standing.held, standing.admission.pair.revision) == ((), head)
        assert await life.roll_out() == []

    begin(site, story)


def test_a_secret_of_the_vault_is_held_like_any_change_and_holds_up_no_other(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        site.vault.commit({"lab/hosts.yml": "all: {vars: {a: 1}}\n"})
        assert (await life.fetch()).held == (), "another environment's is nothing to it"
        before = life.standing.admission.pair.vault  # type: ignore[union-attr]
        site.change("mail")
        site.try_on("prod-mail")  # with the vault as it was
        site.vault.commit({"prod/host_vars/prod-web/vault.yml": "secret: two\n"})
        standing = await life.fetch()
        assert [one.host for one in standing.held] == ["prod-web"]
        assert standing.admission.pair.revision == site.head  # type: ignore[union-attr]
        assert standing.admission.pair.vault == before  # type: ignore[union-attr]
        assert "with the newest of the vault is held, and" in life.gate.troubles[0].text
        assert await life.roll_out() == ["prod-mail"]
        assert Path(life.jobs[-1][1].inventories[1]).name == f"{before}-prod"
        site.try_on("prod-web")
        await life.fetch()
        assert await life.roll_out() == ["prod-web"]
        assert (await life.ledger.host("prod-web")).applied_vault != before

    begin(site, story)


def test_records_that_do_not_count_hold_the_head_and_say_why(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        site.change("web")
        site.try_on("prod-web", by=Person("stranger"))
        standing = await life.fetch()
        assert [one.host for one in standing.held] == ["prod-web"]
        assert "is signed by a key that may not sign" in standing.unheard[0]
        site.try_on("prod-web", days=1)
        assert (await life.fetch()).held == ()
        site.change("web", text="three")
        assert "of other inputs" in (await life.fetch()).held[0].why, "the digest no longer fits"
        site.try_on("prod-web", at=site.clock.seconds - 15 * DAY)
        assert "expired" in (await life.fetch()).held[0].why
        site.try_on("prod-web", at=site.clock.seconds + DAY)
        assert "expired" in (await life.fetch()).held[0].why, "one of the future is none"
        site.try_on("prod-web", is_green=False)
        assert "was red: it did not come up" in (await life.fetch()).held[0].why

    begin(site, story)


def test_notes_that_are_rubbish_hold_nothing_up(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        site.change("web")
        site.try_on("prod-web")
        notes = ("notes", "--ref", "refs/notes/homeprod")
        site.playbooks.git(*notes, "append", "-m", "no json", site.head)
        (site.folder / "large").write_bytes(b"x" * 5 * 1024 * 1024)
        site.playbooks.git(*notes, "add", "-f", "-F", str(site.folder / "large"), first)
        (site.folder / "many").write_text("".join(f'{{"entry": {number}}}\n' for number in range(9000)))
        parent = site.playbooks.commit({})
        site.playbooks.git(*notes, "add", "-F", str(site.folder / "many"), parent)
        standing = await life.fetch()
        assert standing.held == ()
        assert any("is no entry with its signature" in one for one in standing.unheard)
        assert len(standing.unheard) == 51
        assert standing.unheard[-1].startswith("and ")

    begin(site, story)


def test_what_the_git_host_forgets_is_known_here(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        site.change("web")
        site.try_on("prod-web")
        site.clock.seconds += 10
        site.try_on("prod-web", is_green=False)
        assert len((await life.fetch()).held) == 1
        green = Site.try_on
        site.playbooks.git("update-ref", "-d", "refs/notes/homeprod")
        site.clock.seconds -= 10
        green(site, "prod-web")
        site.clock.seconds += 20
        assert "red" in (await life.fetch()).held[0].why, "the red one cannot be taken away"

    begin(site, story)


def test_an_emergency_goes_through_untried_and_is_shown_as_that_for_ever(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        site.change("web", "mail")
        site.declare_emergency()
        standing = await life.fetch()
        assert standing.held == ()
        told = describe(standing)["emergency"]
        assert told == {"revision": site.head, "person": "sean", "at": site.clock.seconds, "why": "it burns"}

        ran = await life.roll_out(lambda run: OFF if run.host == "prod-mail" else DONE)
        assert ran == ["prod-web", "prod-mail"]
        site.change("proxy")
        site.try_on("prod-proxy")
        standing = await life.fetch()
        assert standing.held == (), "who was late still has the emergency's word"
        assert standing.emergency is None
        assert len(describe(standing)["emergencies"]) == 1  # type: ignore[arg-type]

    begin(site, story)


def test_what_was_rolled_back_comes_back_by_no_poll_push_or_record_until_it_is_cleared(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first, second = site.head, site.change("web", "mail")
        site.try_on("prod-web", "prod-mail")
        await life.fetch()
        bad = site.find_digests()
        assert await life.roll_out() == ["prod-web", "prod-mail"]
        back = site.roll_back(first)
        standing = await life.fetch()
        assert (standing.held, [one.host for one in standing.bad]) == ((), ["prod-mail", "prod-web"])
        assert await life.roll_out() == ["prod-web", "prod-mail"]
        assert set((await life.find_applied()).values()) == {first, back}
        # by a push of the very files, with a record that is fresh
        site.playbooks.git("checkout", "-q", second, "--", ".")
        again = site.playbooks.commit({})
        site.clock.seconds += 60
        site.try_on("prod-web", "prod-mail")
        assert site.find_digests() == bad
        for _ in range(3):
            standing = await life.fetch()
            assert [one.host for one in standing.held] == ["prod-mail", "prod-web"]
            assert "was rolled back by sean (it broke mail), and nobody has cleared it" in standing.held[0].why
            assert await life.roll_out() == []
        site.declare_emergency()
        assert len((await life.fetch()).held) == 2, "not even by an emergency"
        site.clock.seconds += 60
        site.sign(Clear(environment="prod", revision=again, at=site.clock.seconds, why="mended", host="prod-web"))
        assert [one.host for one in (await life.fetch()).held] == ["prod-mail"]
        site.sign(Clear(environment="prod", revision=again, at=site.clock.seconds, why="mended"))
        assert (await life.fetch()).held == ()
        assert await life.roll_out() == ["prod-web", "prod-mail"]

    begin(site, story)


def test_a_note_that_it_is_bad_stops_the_runs_of_it_before_the_way_back_is_there(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        second = site.change("web", "mail")
        site.try_on("prod-web", "prod-mail")
        await life.fetch()
        await life.gate.step()
        assert await life.run_due() == ["prod-web"]
        site.roll_back(first)
        site.playbooks.git("update-ref", "refs/heads/prod", second)  # the notes alone came through
        await life.fetch()
        assert await life.roll_out() == []
        assert life.standing.rollout.state is RolloutState.STOPPED
        assert "prod-mail: that was rolled back by sean" in life.standing.rollout.problem
        await life.ring("prod-web", "i2")
        assert await life.run_due() == []

    begin(site, story)


def test_a_gate_before_hosts_that_run_already_leaves_them_as_they_are(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site", None)

    async def story(life: Life) -> None:
        first = site.head
        await life.gate.fetch("prod")
        await configure(life)
        assert life.gate.standings == ()
        assert all(job.digest == "" for _, job in life.jobs)
        site.change("web")
        site.promotion = PromotionSettings(order=ORDER)
        standing = await life.fetch()
        assert standing.admission is not None
        assert standing.admission.pair.revision == first
        assert [one.host for one in standing.held] == ["prod-web"]
        assert await life.roll_out() == []
        await life.ring("prod-web", "i2")
        assert await life.run_due() == ["prod-web"]
        assert life.jobs[-1][1].revision == first

    live(site, story)


def test_a_gate_before_hosts_that_run_different_things_leaves_each_at_its_own(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site", None)

    async def story(life: Life) -> None:
        first = site.head
        await life.gate.fetch("prod")
        await configure(life)
        site.change("web")
        site.change("mail")
        second = site.head
        await life.gate.fetch("prod")
        await life.ring("prod-mail", "i2")
        assert await life.run_due() == ["prod-mail"]
        site.promotion = PromotionSettings(order=ORDER)
        standing = await life.fetch()
        assert standing.admission is not None
        assert standing.admission.pair.revision == second, "nobody goes back"
        assert await life.roll_out() == []
        at = {host: life.gate.last("prod", host) for host in HOSTS}
        assert {host: one.revision for host, one in at.items() if one is not None} == {
            "prod-mail": second, "prod-proxy": second, "prod-web": first,
        }  # fmt: skip
        assert life.standing.rollout.state is RolloutState.STOPPED
        assert life.standing.rollout.problem.startswith("prod-web: it has no record")
        site.try_on("prod-web")
        await life.fetch()
        assert await life.roll_out() == ["prod-web"]
        assert life.jobs[-1][1].revision == second

    live(site, story)


def test_a_head_does_not_open_the_gate_for_itself(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    def write_settings(promotion: PromotionSettings | None) -> dict[str, str]:
        environments = [one.model_copy(update={"promotion": promotion}) for one in site.settings.environments]
        text = site.settings.model_copy(update={"environments": tuple(environments)}).model_dump_json()
        return {"site/lab-ansible.json": text}

    async def story(life: Life) -> None:
        site.playbooks.commit(write_settings(site.promotion))
        await life.fetch()
        assert life.standing.held == ()
        first = site.head
        site.playbooks.commit(write_settings(None))
        site.change("web")
        standing = await life.fetch()
        assert [one.host for one in standing.held] == ["prod-web"]
        assert standing.admission.pair.revision == first  # type: ignore[union-attr]
        site.try_on("prod-web")
        await life.gate.fetch("prod")
        await life.gate.fetch("prod")
        assert life.gate.standings == (), "what was admitted has none"
        assert life.gate.last("prod").revision == site.head  # type: ignore[union-attr]

    begin(site, story)


def test_a_new_host_waits_until_the_revision_that_knows_it_is_admitted(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        site.playbooks.commit({"site/inventory.yml": write_inventory((*HOSTS, "prod-new"))})
        await life.fetch()
        await life.ring("prod-new")
        assert await life.run_due() == []
        host = await life.ledger.host("prod-new")
        assert "does not know it yet" in host.problem
        site.try_on("prod-new")
        await life.fetch()
        assert await life.run_due() == ["prod-new"]

    begin(site, story)


def test_an_inventory_that_nobody_can_read_is_held_and_said(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        first = site.head
        site.playbooks.commit({"roles/web/meta/main.yml": "dependencies: [\n"})
        standing = await life.fetch()
        assert standing.admission.pair.revision == first  # type: ignore[union-attr]
        assert standing.held or standing.problem

    begin(site, story)


def test_a_git_host_that_is_off_changes_nothing_and_records_are_known_on(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def first(life: Life) -> None:
        site.change("web")
        site.try_on("prod-web")
        await life.fetch()
        await life.gate.step()

    async def second(life: Life) -> None:
        assert life.states == {"prod-web": "running"}
        assert life.standing.held == ()
        assert life.gate.last("prod") is not None

    begin(site, first)
    moved = site.playbooks.folder.rename(site.folder / "moved")
    live(site, second)
    moved.rename(site.folder / "playbooks")


def test_a_clock_that_was_set_back_holds_and_breaks_nothing(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        site.change("web")
        site.try_on("prod-web")
        site.clock.seconds -= 400 * DAY
        standing = await life.fetch()
        assert "look at the clocks" in standing.held[0].why
        site.clock.seconds += 400 * DAY
        assert (await life.fetch()).held == ()

    begin(site, story)


def test_another_version_of_homeprod_is_another_thing_to_run(tmp_path: Path) -> None:
    """Whose plays name none of our roles runs the same as before."""
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        site.playbooks.commit({"roles/web/meta/main.yml": "dependencies: [homeprod.site.base]\n"})
        site.try_on("prod-web")
        await life.fetch()
        assert await life.roll_out() == ["prod-web"]
        collection = read_collection()
        changed = File(Kind.FILE, b"- name: another\n")
        upgraded = Life(site, life.ledger)
        upgraded.gate._judge.closures._collection = Tree({**dict(collection), "roles/base/tasks/main.yml": changed})
        standing = await upgraded.fetch()
        assert [one.host for one in standing.held] == ["prod-web"]
        (trouble,) = upgraded.gate.troubles
        assert f"{site.head[:12]} as this version of homeprod would run it is held" in trouble.text
        await upgraded.ledger.retry("prod-web", "sean")
        await upgraded.ring("prod-mail", "i2")
        assert await upgraded.run_due() == ["prod-mail"]
        assert (await upgraded.check("prod-web", differ(MOTD))).revision == site.head
        site.declare_emergency()
        await upgraded.fetch()
        assert await upgraded.run_due() == ["prod-web"]

    begin(site, story)


def test_a_host_that_only_pretends_to_be_of_the_environment_is_not_run(tmp_path: Path) -> None:
    """The groups say one thing, and the variables another: what is judged must be what is run."""
    site = Site.make(tmp_path / "site")

    async def story(life: Life) -> None:
        facts = "ansible_host: 192.0.2.1, homeprod_environment: prod, homeprod_control_node: lab-ansible"
        text = write_inventory() + f"    other:\n      hosts:\n        prod-new: {{{facts}}}\n"
        site.playbooks.commit({"site/inventory.yml": text})
        await life.fetch()
        await life.ring("prod-new")
        assert await life.run_due() == []
        assert (await life.ledger.host("prod-new")).problem.startswith("held at the gate: ")

    begin(site, story)

"""``homeprod promote`` and ``rollback`` as far as git goes: what is refused, and what a race leaves."""

from __future__ import annotations

import argparse
import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.playbook_clones import make_key
from tests.promoted_site import PromotedSite
from tests.promotion_records import find_digests, make_trial, note, note_green, read_notes
from tests.reference_schema import open_validator

from homeprod.cli import render
from homeprod.cli.promotion.ground import open_ground
from homeprod.cli.promotion.step import advance
from homeprod.core.errors import PromotionError
from homeprod.drivers.apps.git import Git
from homeprod.drivers.branches import Branches, Move, OvertakenError
from homeprod.drivers.records import NOTES
from homeprod.promotion.record import Clear, Emergency, Rollback
from homeprod.wiring.records import find_record_signer

pytestmark = pytest.mark.slow

TO_PROD = ("--to", "prod", "--yes", "--no-watch")


def open_prod(site: PromotedSite, clone: Path | None = None) -> argparse.Namespace:
    return argparse.Namespace(site=site.root, repository=clone or site.clone.folder, vault=site.vault.folder)


# refused


def test_without_records_nothing_moves_and_each_missing_one_is_named(site: PromotedSite) -> None:
    before, revision = site.heads(), site.commit(content="second")
    code, out, said = site.run("promote", revision, *TO_PROD)
    assert (code, site.heads()) == (2, before)
    assert "–   prod-proxy              " in out
    assert f"  {site.program} promote {revision[:12]} --to lab\n" in out
    assert f"{render.advise(f'  homeprod rehearse {revision[:12]} prod-proxy-passthrough')}\n" in out
    assert (
        said.splitlines()[-1]
        == "refused, and nothing was moved: no record that counts: prod-proxy, prod-proxy-passthrough"
    )
    code, told = site.read("promote", revision, *TO_PROD)
    open_validator("promote").validate(told)
    assert (code, told["has_moved"], told["exit_code"]) == (2, False, 2)


def test_with_records_the_branch_moves_and_takes_them_along(site: PromotedSite) -> None:
    revision = site.commit(content="second")
    note_green(site, revision)
    code, out, said = site.run("promote", "HEAD", *TO_PROD)
    assert (code, said.count("\n")) == (0, 1)
    assert out.endswith(f"prod is at {revision[:12]}\n")
    assert site.heads()["prod"] == revision
    code, told = site.read("promote", "HEAD", *TO_PROD)
    assert (code, told["has_moved"], told["before"]) == (0, False, revision)


WRONG = (
    (("promote", "nothing", *TO_PROD), "there is no revision nothing"),
    (("promote", "HEAD", "--to", "prd"), "the site has no environment 'prd'"),
    (("promote", "HEAD"), "to which environment?"),
    (("promote", "--to", "prod"), "which revision?"),
    (("promote", "HEAD", *TO_PROD, "--emergency"), "an emergency says why"),
    (("promote", "HEAD", *TO_PROD, "--why", "x"), "--why is of use with --emergency alone"),
    (("promote", "HEAD", "--to", "lab", "--emergency", "--why", "x"), "lab has no gate"),
    (("promote", "HEAD", "--to", "prod", "--again"), "--again is of use without a gate alone"),
    (("promote", "HEAD", "--to", "prod", "--no-try"), "--no-try is of use without a gate alone"),
    (("rollback", "--clear", "nomachine"), "the site has no machine 'nomachine'"),
    (("rollback", "--env", "lab"), "lab has no gate"),
    (("rollback", "--clear", "--to", "HEAD"), "--clear moves no branch"),
)


def test_what_is_asked_for_wrongly_is_one_clear_error(site: PromotedSite) -> None:
    before = site.heads()
    for words, reason in WRONG:
        code, _, said = site.run(*words)
        assert (code in (1, 64), reason in said, said.count("error: ")) == (True, True, 1), (words, said)
    assert site.heads() == before


def test_a_revision_that_does_not_come_after_the_branch_is_refused(site: PromotedSite) -> None:
    first = site.clone.git("rev-parse", "HEAD")
    second = site.commit(content="second")
    note_green(site, second)
    assert site.run("promote", second, *TO_PROD)[0] == 0
    said = site.refuse("promote", first, *TO_PROD)
    assert "prod is past it already" in said
    assert f"  {site.program} rollback --env prod --to {first[:12]}\n" in said
    site.clone.git("checkout", "-q", "-b", "beside", first)
    beside = site.commit(content="third")
    said = site.refuse("promote", beside, *TO_PROD)
    assert f"it does not come after {second[:12]}, where prod is" in said
    assert "  git merge origin/prod\n" in said
    assert site.heads()["prod"] == second


def test_a_commit_that_the_node_would_not_believe_is_refused(site: PromotedSite, tmp_path: Path) -> None:
    before = site.heads()
    site.clone.commit({"README.md": "x"}, is_signed=False)
    assert "this commit is not signed" in site.refuse("promote", "HEAD", "--to", "lab", "--yes", "--no-try")
    site.clone.git("config", "user.signingkey", f"{make_key(tmp_path, 'stranger')}.pub")
    site.clone.commit({"README.md": "y"})
    assert "a key that nobody may sign with here" in site.refuse("promote", "HEAD", *TO_PROD)
    assert site.heads() == before


def test_a_vault_that_the_node_would_not_believe_is_refused_before_anything_moves(site: PromotedSite) -> None:
    before, revision = site.heads(), site.commit(content="second")
    unsigned = site.vault.commit({"lab/group_vars/all.yml": "x: y\n"}, is_signed=False)
    site.vault.push("HEAD:refs/heads/main")
    words = f"{unsigned[:12]}: the vault's head is not signed, so its control node will not believe it"
    for verb in (("promote", revision, "--to", "lab", "--yes"), ("promote", revision, *TO_PROD), ("trials",)):
        said = site.refuse(*verb)
        assert words in said
    assert site.heads() == before
    site.vault.git("commit", "-q", "--allow-empty", "-m", "Sign what came before")
    site.vault.push("HEAD:refs/heads/main")
    assert site.run("promote", revision, "--to", "lab", "--yes", "--no-try")[0] == 0
    assert site.heads()["lab"] == revision


def test_nobody_to_answer_moves_nothing(site: PromotedSite) -> None:
    before, revision = site.heads(), site.commit(content="second")
    note_green(site, revision)
    assert "nobody is there to answer" in site.refuse("promote", revision, "--to", "prod")
    assert "nobody is there to answer" in site.refuse("promote", revision, "--to", "lab")
    assert site.heads() == before


def test_without_a_gate_only_moving_the_branch_asks_no_node(site: PromotedSite) -> None:
    revision = site.commit(content="second")
    code, out, said = site.run("promote", revision, "--to", "lab", "--yes", "--no-try")
    assert (code, site.heads()["lab"], said) == (0, revision, "")
    assert out.endswith(f" → {revision[:12]}  a change\nlab is at {revision[:12]}\n")
    code, _, said = site.run("promote", revision, "--to", "lab", "--yes", "--no-try")
    assert (code, said) == (0, f"lab is at {revision[:12]} already\n")


def test_a_trial_that_cannot_begin_says_that_the_branch_is_there_and_what_goes_on(site: PromotedSite) -> None:
    revision = site.commit(content="second")
    code, out, said = site.run("promote", revision, "--to", "lab", "--yes")
    assert (code, site.heads()["lab"]) == (64, revision)
    assert out.endswith(f"\nlab is at {revision[:12]}\n")
    assert "no API token is given" in said
    assert said.endswith(
        f"  lab is at {revision[:12]}; the same command goes on:\n\n"
        f"    {site.program} promote {revision[:12]} --to lab\n"
    )


def test_a_new_environment_gets_its_branch_once_its_hosts_have_records(site: PromotedSite) -> None:
    site.clone.push(":refs/heads/prod")
    revision = site.commit(content="second")
    code, out, _ = site.run("promote", revision, *TO_PROD)
    assert (code, "prod: nothing yet → " in out, "prod" in site.heads()) == (2, True, False)
    note_green(site, revision)
    code, told = site.read("promote", revision, *TO_PROD)
    assert (code, told["before"], told["has_moved"]) == (0, "", True)
    assert site.heads()["prod"] == revision


# emergencies


def test_an_emergency_goes_through_and_is_shown_for_ever_after(site: PromotedSite) -> None:
    revision = site.commit(content="second")
    code, told = site.read("promote", revision, *TO_PROD, "--emergency", "--why", "the site is down")
    assert (code, told["has_moved"], told["is_emergency"]) == (0, True, True)
    assert site.heads()["prod"] == revision
    [signed] = read_notes(site)
    assert isinstance(signed.entry, Emergency)
    assert (signed.person, signed.entry.why, signed.entry.revision) == ("ops", "the site is down", revision)
    assert set(signed.entry.digests) == {"prod-proxy", "prod-proxy-passthrough"}
    assert f"{revision[:12]} emergency, untried, by ops" in site.run("trials")[1]


def test_a_record_that_was_revoked_is_none(site: PromotedSite) -> None:
    revision = site.commit(content="second")
    note_green(site, revision)
    note(site, make_trial(revision, find_digests(site, revision)["prod-proxy"], is_green=False))
    code, out, said = site.run("promote", revision, *TO_PROD)
    assert (code, "its trial on lab-proxy was red: no such file" in out) == (2, True)
    assert "no record that counts: prod-proxy\n" in said


# races


def test_a_push_in_between_wins_and_what_was_said_of_the_other_step_is_not_kept(site: PromotedSite) -> None:
    first = site.clone.git("rev-parse", "HEAD")
    note(site, make_trial(first, "1" * 64))
    kept = site.host.find(NOTES)
    revision = site.commit(content="second")
    ground = open_ground(open_prod(site), "prod")
    other = site.host.clone("other")
    other.git("checkout", "-q", "prod")
    faster = other.commit({"README.md": "faster"})
    other.push("HEAD:refs/heads/prod")
    entry = Emergency(environment="prod", revision=revision, at=1.0, why="x")
    with pytest.raises(OvertakenError, match="somebody else moved prod meanwhile"):
        advance(ground, revision, [entry], find_record_signer(ground.site, ground.node))
    assert (site.heads()["prod"], site.host.find(NOTES)) == (faster, kept)
    assert site.clone.git("rev-parse", NOTES) == kept


def test_records_that_came_in_between_are_merged_and_the_step_is_made(
    site: PromotedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, revision = site.clone.git("rev-parse", "HEAD"), site.commit(content="second")
    note_green(site, revision)
    real, calls = Branches.move, []

    def move(self: Branches, moves: list[Move]) -> None:
        """Somebody else notes something just before the first push."""
        if not calls:
            other = site.host.clone("other")
            elsewhere = PromotedSite(site.root, site.host, other, site.vault, site.at, site.capsys)
            note(elsewhere, make_trial(first, "1" * 64, "elsewhere"))
        calls.append(moves)
        real(self, moves)

    own = Emergency(environment="prod", revision=revision, at=1.0, why="x")
    monkeypatch.setattr(Branches, "move", move)
    ground = open_ground(open_prod(site), "prod")
    advance(ground, revision, [own], find_record_signer(ground.site, ground.node))
    assert site.heads()["prod"] == revision
    assert len(calls) == 2
    assert sorted(one.entry.kind for one in read_notes(site)) == ["emergency", "trial", "trial", "trial"]


def test_of_two_promotes_at_once_one_wins_and_the_other_is_told(site: PromotedSite) -> None:
    clones = [site.host.clone(name) for name in ("anna", "zoe")]
    wanted = []
    for number, clone in enumerate(clones):
        clone.git("checkout", "-q", "prod")
        wanted.append(clone.commit({"README.md": str(number)}))
    grounds = [open_ground(open_prod(site, clone.folder), "prod") for clone in clones]
    start, told = threading.Barrier(2), []

    def promote(number: int) -> None:
        start.wait(20)
        try:
            advance(grounds[number], wanted[number])
            told.append(f"won {wanted[number]}")
        except PromotionError as error:
            told.append(error.message)

    threads = [threading.Thread(target=promote, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    head = site.heads()["prod"]
    assert sorted(told) == ["somebody else moved prod meanwhile; nothing was moved", f"won {head}"]


class Killed(BaseException):
    """At one of git's calls; nobody tidies up behind it."""


class Cut:
    """Cuts a command off before git's call of that number, or behind it."""

    def __init__(self) -> None:
        self.limit, self.is_behind, self.calls = 0, False, 0
        self._real = Git.run

    def run(self, git: Git, arguments: tuple[str, ...], more: dict[str, Any]) -> bytes:
        self.calls += 1
        if (self.calls, self.is_behind) == (self.limit, False):
            raise Killed
        try:
            return self._real(git, *arguments, **more)
        finally:
            if (self.calls, self.is_behind) == (self.limit, True):
                raise Killed

    def allow_all(self) -> None:
        self.limit = 0


@pytest.mark.slow
def test_a_promote_that_is_cut_off_at_any_call_of_git_is_made_whole_by_the_next(
    site: PromotedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, revision = site.clone.git("rev-parse", "HEAD"), site.commit(content="second")
    note(site, make_trial(first, "1" * 64))
    cut, cuts = Cut(), 0
    monkeypatch.setattr(Git, "run", lambda git, *arguments, **more: cut.run(git, arguments, more))
    while site.heads()["prod"] == first:
        cuts += 1
        cut.calls, cut.limit, cut.is_behind = 0, (cuts + 1) // 2, cuts % 2 == 0
        with contextlib.suppress(Killed):
            site.run("promote", revision, *TO_PROD, "--emergency", "--why", "now")
        cut.allow_all()
        emergencies = [one for one in read_notes(site) if one.entry.kind == "emergency"]
        assert len(emergencies) == (site.heads()["prod"] == revision), "both, or neither"
    assert cuts > 60, "it was cut off at each call before the push"
    note(site, make_trial(first, "2" * 64))
    assert [one.entry.kind for one in read_notes(site)].count("emergency") == 1
    assert site.run("promote", revision, *TO_PROD)[0] == 0


# back


def test_a_roll_back_goes_forward_and_holds_what_it_leaves(site: PromotedSite) -> None:
    first = site.clone.git("rev-parse", "HEAD")
    second = site.commit(content="second")
    note_green(site, second)
    assert site.run("promote", second, *TO_PROD)[0] == 0
    bad = find_digests(site, second) or {}
    code, told = site.read("rollback", "--yes", "--no-watch", "--why", "mail broke", "--to", first)
    open_validator("rollback").validate(told)
    head = site.heads()["prod"]
    assert (code, told["revision"], told["left"], told["to"]) == (0, head, second, first)
    assert bad == {}, "prod was there, so nothing differed"
    assert set(told["bad"]) == {"prod-proxy", "prod-proxy-passthrough"}
    assert site.clone.git("rev-parse", f"{head}^") == second
    assert site.clone.git("rev-parse", f"{head}^{{tree}}") == site.clone.git("rev-parse", f"{first}^{{tree}}")
    [entry] = [one.entry for one in read_notes(site) if isinstance(one.entry, Rollback)]
    assert (entry.revision, entry.why, dict(entry.bad)) == (head, "mail broke", told["bad"])
    # It comes back by no promotion: neither as it was, nor with the roll-back taken back.
    assert "prod is past it already" in site.refuse("promote", second, *TO_PROD)
    site.clone.git("merge", "-q", "-s", "ours", "-m", "bring it back", head)
    again = site.clone.git("rev-parse", "HEAD")
    code, out, said = site.run("promote", again, *TO_PROD)
    assert (code, site.heads()["prod"]) == (2, head)
    assert "refused, and nothing was moved: rolled back and not cleared: prod-proxy, prod-proxy-passthrough" in said
    assert f"  {site.program} rollback --env prod --clear prod-proxy\n" in out
    code, _, said = site.run("promote", again, *TO_PROD, "--emergency", "--why", "now")
    assert (code, "rolled back and not cleared" in said) == (2, True), "an emergency does not undo it either"


def test_what_is_cleared_may_go_again(site: PromotedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.cli.promotion.rollback._knock", lambda _: None)
    first = site.clone.git("rev-parse", "HEAD")
    second = site.commit(content="second")
    note_green(site, second)
    assert "nothing is held in prod" in site.refuse("rollback", "--clear", "--yes")
    assert site.run("promote", second, *TO_PROD)[0] == 0
    assert site.run("rollback", "--yes", "--no-watch", "--to", first)[0] == 0
    site.clone.git("merge", "-q", "-s", "ours", "-m", "bring it back", site.heads()["prod"])
    assert "nothing of lab-proxy is held" in site.refuse("rollback", "--clear", "lab-proxy", "--yes")
    code, out, _ = site.run("rollback", "--clear", "prod-proxy", "--yes", "--why", "it is repaired")
    assert (code, out.endswith("cleared: prod-proxy\n")) == (0, True)
    assert "not cleared: prod-proxy-passthrough\n" in site.run("promote", "HEAD", *TO_PROD)[2]
    code, told = site.read("rollback", "--clear", "--yes")
    assert (code, told["cleared"]) == (0, ["prod-proxy-passthrough"])
    assert [one.entry.host for one in read_notes(site) if isinstance(one.entry, Clear)] == ["prod-proxy", ""]
    assert site.run("promote", "HEAD", *TO_PROD)[0] == 0


def test_where_nobody_says_which_this_clone_knows_where_the_branch_was(
    site: PromotedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homeprod.cli.promotion.former._ask_node", lambda *_: [])
    first = site.clone.git("rev-parse", "HEAD")
    second = site.commit(content="second")
    note_green(site, second)
    assert site.run("promote", second, *TO_PROD)[0] == 0
    other = site.host.clone("other")
    elsewhere = PromotedSite(site.root, site.host, other, site.vault, site.at, site.capsys)
    other.git("config", "homeprod.vault", str(site.vault.folder))
    assert "nobody here knows which revision prod had before" in elsewhere.refuse("rollback", "--yes", "--no-watch")
    code, told = site.read("rollback", "--yes", "--no-watch")
    assert (code, told["to"]) == (0, first)
    said = site.refuse("rollback", "--yes", "--no-watch")
    assert f"prod is rolled back already, to {first[:12]}" in said


def test_a_roll_back_that_makes_no_sense_is_refused(site: PromotedSite) -> None:
    first, before = site.clone.git("rev-parse", "HEAD"), site.heads()
    assert "prod has its files already" in site.refuse("rollback", "--to", first, "--yes")
    beside = site.commit(content="second")
    assert "prod never had this revision" in site.refuse("rollback", "--to", beside, "--yes")
    assert "there is no revision nothing" in site.refuse("rollback", "--to", "nothing", "--yes")
    assert site.heads() == before


def test_no_roll_back_brings_back_what_was_rolled_back(site: PromotedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.cli.promotion.former._ask_node", lambda *_: [])
    first, bad = site.clone.git("rev-parse", "HEAD"), site.commit(content="bad")
    assert site.run("promote", bad, *TO_PROD, "--emergency", "--why", "now")[0] == 0
    assert site.run("rollback", "--yes", "--no-watch", "--to", first)[0] == 0
    back = site.heads()["prod"]
    code, told = site.read("rollback", "--yes", "--no-watch", "--to", bad)
    assert (code, site.heads()["prod"], told["revision"]) == (2, back, "")
    assert told["problem"] == "rolled back and not cleared: prod-proxy, prod-proxy-passthrough"
    _, _, said = site.run("rollback", "--yes", "--no-watch", "--to", bad)
    assert f"  {site.program} rollback --env prod --clear prod-proxy\n" in said
    # By hand, past all of us: it is not taken for good, and is no place to go back to.
    site.clone.git("merge", "-q", "-s", "ours", "-m", "by hand", back)
    by_hand = site.clone.git("rev-parse", "HEAD")
    site.clone.push("HEAD:refs/heads/prod")
    code, told = site.read("trials", "prod", by_hand)
    assert (code, [one["is_held"] for one in told["hosts"]]) == (2, [True, True])
    third = site.commit(content="third")
    note_green(site, third)
    assert site.run("promote", third, *TO_PROD)[0] == 0
    code, told = site.read("rollback", "--yes", "--no-watch")
    assert (code, told["left"], told["to"]) == (0, third, back)


def test_ctrl_c_leaves_the_watch_and_says_what_goes_on(site: PromotedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    class Ready:
        name = "lab-ansible"

        def __enter__(self) -> Ready:
            return self

        def __exit__(self, *_: object) -> None: ...

        def require_ready(self) -> None: ...

    monkeypatch.setattr("homeprod.cli.promotion.passage.open_node", lambda *_: Ready())
    monkeypatch.setattr("homeprod.cli.promotion.passage.watch", interrupt)
    revision = site.commit(content="second")
    note_green(site, revision)
    code, out, said = site.run("promote", revision, "--to", "prod", "--yes")
    assert (code, site.heads()["prod"]) == (130, revision)
    assert out.endswith(f"prod is at {revision[:12]}\n")
    assert said.endswith(
        f"watched no longer; the roll-out goes on without. To watch it again:\n\n"
        f"  {site.program} promote {revision[:12]} --to prod\n"
    )

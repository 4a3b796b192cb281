"""``homeprod trials``: what each host has, or lacks, by real notes in real git."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.playbook_clones import make_key
from tests.promoted_site import PromotedSite
from tests.promotion_records import DAY, find_digests, make_trial, note
from tests.reference_schema import open_validator

from homeprod.cli import render
from homeprod.cli.main import main
from homeprod.promotion.record import Clear, Emergency, Rollback


def test_who_lacks_a_record_is_told_with_what_gets_it(site: PromotedSite) -> None:
    revision = site.commit(content="second")
    site.clone.push("HEAD:refs/heads/lab")
    code, out, said = site.run("trials")
    short = revision[:12]
    assert code == 2
    assert said == (
        f"note: compared with {site.heads()['prod'][:12]}, since lab-ansible does not say what its hosts run:"
        " no API token is given\n"
    )
    assert f"prod: {site.heads()['prod'][:12]} → {short}  a change\n" in out
    assert "prod-proxy              " in out
    assert out.count("it has no record: it was never tried") == 2
    assert out.endswith(
        "what would get what is missing:\n\n"
        f"  {site.program} promote {short} --to lab\n"
        f"{render.advise(f'  homeprod rehearse {short} prod-proxy-passthrough')}\n"
    )
    code, told = site.read("trials", "prod", "HEAD")
    open_validator("trials").validate(told)
    assert (code, told["revision"], [one["is_good"] for one in told["hosts"]]) == (2, revision, [False, False])
    assert told["hosts"][0]["command"] == f"{site.program} promote {short} --to lab"
    code, told = site.read("--lab", "peg", "trials", "prod", "HEAD")
    first, second = (one["command"] for one in told["hosts"])
    assert first == f"homeprod --site {site.root} --lab peg promote {short} --to lab"
    assert second == render.advise_command(f"homeprod rehearse {short} prod-proxy-passthrough")
    assert "--lab" not in second


def test_of_several_gates_the_one_that_is_meant_is_named(site: PromotedSite) -> None:
    module = site.root / "modules" / "prod_ansible_vm.py"
    spare = 'Environment(name="spare", branch="spare", control_node="lab-ansible", after=prod, promotion=Promotion())'
    text = module.read_text().replace("import ControlNode,", "import ControlNode, Environment, Promotion,")
    module.write_text(text.replace("environment=prod,", f"environment={spare},"))
    revision = site.commit(content="second")
    told = site.read("trials", "prod", revision)[1]
    command = f"homeprod rehearse --to prod {revision[:12]} prod-proxy-passthrough"
    assert told["hosts"][1]["command"] == render.advise_command(command)


def test_records_are_shown_with_who_and_for_how_long(site: PromotedSite) -> None:
    revision = site.commit(content="second")
    digests = find_digests(site, revision)
    note(site, *(make_trial(revision, digest, host, ago=3 * DAY) for host, digest in digests.items()))
    code, out, said = site.run("trials", "prod", revision)
    assert (code, said.count("\n")) == (0, 1)
    assert out.count("green on lab-proxy, by ops 3 d ago; good for 10 d more") == 2
    note(site, make_trial(revision, digests["prod-proxy"], is_green=False))
    code, told = site.read("trials", "prod", revision)
    first = told["hosts"][0]
    assert (code, first["is_good"], first["words"]) == (2, False, "its trial on lab-proxy was red: no such file")


@pytest.mark.parametrize(("ago", "words"), [(15 * DAY, "its record is expired"), (-DAY, "comes from the future")])
def test_a_record_out_of_its_time_is_none(site: PromotedSite, ago: float, words: str) -> None:
    revision = site.commit(content="second")
    note(site, make_trial(revision, find_digests(site, revision)["prod-proxy"], ago=ago))
    code, told = site.read("trials", "prod", revision)
    assert (code, words in told["hosts"][0]["words"]) == (2, True)


def test_a_record_of_other_inputs_or_of_a_stranger_is_none(site: PromotedSite, tmp_path: Path) -> None:
    revision = site.commit(content="second")
    digest = find_digests(site, revision)["prod-proxy"]
    note(site, make_trial(revision, "0" * 64))
    assert "was of other inputs" in site.read("trials", "prod", revision)[1]["hosts"][0]["words"]
    note(site, make_trial(revision, digest), key=make_key(tmp_path, "stranger"))
    code, out, said = site.run("trials", "prod", revision)
    assert (code, "was of other inputs" in out) == (2, True)
    assert "note: not believed: " in said
    assert "is signed by a key that may not sign" in said


def test_emergencies_and_roll_backs_are_shown_for_ever_after(site: PromotedSite) -> None:
    old = site.clone.git("rev-parse", "HEAD")
    revision = site.commit(content="second")
    digests = find_digests(site, revision)
    now = time.time()
    shared = {"environment": "prod", "revision": revision}
    note(
        site,
        Emergency(**shared, at=now - 3 * DAY, why="the site is down", digests=digests),
        Rollback(**shared, at=now - 2 * DAY, why="mail broke", left=revision, to=old, bad=digests),
    )
    code, out, _ = site.run("trials", "prod", revision)
    assert code == 2
    assert f"!   {revision[:12]} emergency, untried, by ops 3 d ago: the site is down\n" in out
    assert f"!   {revision[:12]} rolled back (prod-proxy, prod-proxy-passthrough), by ops 2 d ago: mail broke" in out
    assert out.count("that was rolled back by ops (mail broke), and nobody has cleared it") == 2
    assert f"  {site.program} rollback --env prod --clear prod-proxy\n" in out
    assert f"  {site.program} promote {revision[:12]} --to lab\n" in out, "cleared, it needs a record still"
    assert "needs no clearing once it is repaired" in out
    note(site, Clear(**shared, at=now - DAY, host="prod-proxy"))
    told = site.read("trials", "prod", revision)[1]
    assert [one["is_held"] for one in told["hosts"]] == [False, True]
    assert [mark["kind"] for mark in told["marks"]] == ["emergency", "rollback", "clear"]
    words = "untried, and let through by an emergency or a roll-back (it has no record: it was never tried)"
    assert told["hosts"][0]["words"] == words


def test_a_revision_that_the_branch_is_past_already_is_said(site: PromotedSite) -> None:
    first, second = site.clone.git("rev-parse", "HEAD"), site.commit(content="second")
    site.clone.push("HEAD:refs/heads/prod")
    code, _, said = site.run("trials", "prod", first)
    assert code == 2
    assert f"{first[:12]}: prod is past it already, at {second[:12]}\n" in said
    assert f"  {site.program} rollback --env prod --to {first[:12]}\n" in said
    code, told = site.read("trials", "prod", first)
    open_validator("trials").validate(told)
    assert (code, told["problem"]) == (2, f"prod is past it already, at {second[:12]}")


def test_a_vault_without_the_environments_folder_is_said(site: PromotedSite) -> None:
    site.vault.git("mv", "prod", "stage")
    site.vault.commit({"README": "moved"})
    site.vault.push("HEAD:refs/heads/main")
    _, _, said = site.run("trials", "prod", "HEAD")
    assert "note: the vault repository has no folder prod (origin/" in said


def test_the_site_is_where_gits_settings_say(site: PromotedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.clone.folder)
    revision = site.commit(content="second")
    assert main(["trials", "prod", "HEAD"]) == 64
    said = site.capsys.readouterr().err
    assert "no site here" in said
    assert "  … --site DIR\n    git -C . config homeprod.site DIR\n" in said
    site.clone.git("config", "homeprod.site", str(site.root))
    assert main(["trials", "prod", "HEAD"]) == 2
    assert f"  homeprod promote {revision[:12]} --to lab\n" in site.capsys.readouterr().out
    assert main(["promote", "HEAD", "--to", "prod", "--yes"]) == 2
    assert main(["rollback", "--clear", "--yes"]) == 1
    assert "nothing is held in prod" in site.capsys.readouterr().err


def test_outside_a_clone_each_hint_can_be_typed(
    site: PromotedSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["trials", "prod", "HEAD"]) == 64
    said = site.capsys.readouterr().err
    assert ("  … --site DIR\n" in said, "git -C" in said) == (True, False)
    assert main(["--site", str(site.root), "trials", "prod", "HEAD"]) == 64
    said = site.capsys.readouterr().err
    assert "name your clone of the playbook repository:\n\n    … --repository DIR\n" in said


def test_what_nobody_would_believe_is_said_before_anything_is_tried(site: PromotedSite) -> None:
    revision = site.clone.commit({"README.md": "x"}, is_signed=False)
    code, told = site.read("trials", "prod", revision)
    open_validator("trials").validate(told)
    assert (code, told["problem"]) == (2, "this commit is not signed, so its control node will not believe it")
    _, _, said = site.run("trials", "prod", revision)
    assert "this commit is not signed" in said


def test_what_touches_nobody_needs_nothing(site: PromotedSite) -> None:
    site.clone.commit({"README.md": "words"})
    code, out, _ = site.run("trials", "prod", "HEAD")
    assert (code, "no host's run can read what differs" in out) == (0, True)
    code, out, _ = site.run("trials")
    assert (code, "it is there already" in out) == (0, True)


def test_a_vault_commit_counts_as_its_git_host_has_it(site: PromotedSite) -> None:
    revision = site.commit(content="second")
    before = find_digests(site, revision)
    site.vault.commit({"prod/group_vars/all.yml": "greeting: hello"})
    assert find_digests(site, revision) == before, "nobody has it yet"
    site.vault.push("HEAD:refs/heads/main")
    assert find_digests(site, revision) != before


def test_what_cannot_be_asked_is_one_clear_error(site: PromotedSite) -> None:
    assert "there is no revision nothing" in site.refuse("trials", "prod", "nothing")
    assert "the site has no environment 'prd'" in site.refuse("trials", "prd", code=64)
    said = site.refuse("trials", "HEAD", code=64)
    assert "'HEAD' is a revision, and no environment" in said
    assert f"  {site.program} trials prod HEAD\n" in said
    site.clone.git("config", "--unset", "homeprod.vault")
    said = site.refuse("trials", code=64)
    assert f"  git -C {site.clone.folder} config homeprod.vault DIR\n" in said
    assert site.run("trials", "--vault", str(site.vault.folder))[0] == 0
    site.host.folder.rename(site.host.folder.with_name("away"))
    said = site.refuse("trials", "--vault", str(site.vault.folder))
    assert "the git host does not answer as it should" in said


def test_the_digests_are_those_of_affected(site: PromotedSite) -> None:
    """Both beside the vault that git's setting names."""
    site.vault.commit({"prod/group_vars/all.yml": "$ANSIBLE_VAULT;1.1\nab"})
    site.vault.push("HEAD:refs/heads/main")
    revision = site.commit(content="second")
    _, tried = site.read("trials", "prod", revision)
    _, affected = site.read("affected", f"origin/prod..{revision}")
    after = {one["host"]: one["after"] for one in affected["hosts"]}
    assert [one["digest"] for one in tried["hosts"]] == [after[one["host"]] for one in tried["hosts"]]
    assert len(tried["hosts"]) == 2

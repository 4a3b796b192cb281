"""``homeprod rehearse`` as a person types it: what stands in its way, and what comes of it."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

import jsonschema
import pytest
from tests.unit.rehearsal.conftest import home as home
from tests.unit.rehearsal.home import TRIED, Home, run_git

from homeprod.cli import rehearse
from homeprod.cli.main import main
from homeprod.core.sizes import MiB
from homeprod.drivers.records import NOTES
from homeprod.lab.folder import labs_folder, list_labs
from homeprod.lab.host import Host
from homeprod.promotion.record import Trial, judge
from homeprod.rehearsal import lab
from homeprod.rehearsal.judgement import Look, Seen
from homeprod.rehearsal.prospect import prepare
from homeprod.rehearsal.rehearsal import Rehearsal
from homeprod.rehearsal.runs import RunSeen
from homeprod.wiring.records import open_records

pytestmark = pytest.mark.slow

GOOD = RunSeen("successful")
GREEN = Seen(base=GOOD, check=GOOD, converge=GOOD, again=GOOD, after=Look())


def call(home: Home, *words: str, vault: bool = True) -> int:
    where = ["--site", str(home.site), "rehearse", "--repository", str(home.playbooks)]
    return main([*where, *(("--vault", str(home.vault)) if vault else ()), *words])


@pytest.fixture
def signs(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's key is at hand."""
    monkeypatch.setenv("HOMEPROD_RING_KEY", str(home.person.keep_key(tmp_path)))


@pytest.fixture
def plays(home: Home, signs: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Seen]:
    """A lab that boots nothing; what is seen of machines comes from the test. All else is done."""
    seen: dict[str, Seen] = {}
    monkeypatch.setattr(rehearse, "prepare", functools.partial(prepare, boots=False))
    monkeypatch.setattr(Rehearsal, "perform", lambda self: {name: seen[name] for name in self.prospect.names})
    run_git(home.playbooks, "config", "user.name", "ops")
    run_git(home.playbooks, "config", "user.email", "ops@example.net")
    return seen


def nothing_stays(home: Home) -> bool:
    notes = run_git(home.playbooks, "for-each-ref", "refs/notes")
    return not list_labs() and not list((labs_folder().parent / "rehearsals").rglob("scratch")) and not notes


WRONG: tuple[tuple[tuple[str, ...], int, str], ...] = (
    ((), 64, "say which revision is to be tried"),
    (("gone",), 1, "there is no revision gone"),
    (("HEAD..HEAD",), 1, "there is no revision HEAD..HEAD"),
    (("--to", "lab", "HEAD"), 1, "the vault repository has no folder lab"),
    (("--to", "pord", "HEAD"), 64, "the site has no environment 'pord'"),
    (("HEAD", "prod-porxy"), 64, "the site has no machine 'prod-porxy'"),
    (("HEAD", "lab-proxy"), 64, "no stand-in can be built for lab-proxy: it belongs to lab, not to prod"),
    (("HEAD", "prod-ansible"), 64, "no control node configures it: none of its people is a ControlUser"),
    (("--lab", "demo", "HEAD"), 64, "stand-ins are built in no lab that is there already"),
    (("HEAD",), 64, "no key to sign a record with"),
)


def test_what_stands_in_the_way_is_one_clear_error(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.change_role()
    for words, code, said in WRONG:
        assert call(home, *words) == code
        told = capsys.readouterr()
        assert (said in told.err, told.out, told.err.count("error: ")) == (True, "", 1), (words, told.err)
    assert nothing_stays(home)


def test_the_repositories_must_be_there(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.change_role()
    assert call(home, "HEAD", vault=False) == 64
    assert "nobody says where your clone of it is" in capsys.readouterr().err
    run_git(home.playbooks, "config", "homeprod.vault", "../gone")
    assert call(home, "HEAD", vault=False) == 64
    said = capsys.readouterr().err
    assert "playbooks/../gone: there is no such folder" in said
    assert "so says `git config homeprod.vault` in " in said
    assert call(home, "HEAD", "--vault", str(tmp_path / "gone")) == 64
    assert "there is no such folder" in capsys.readouterr().err
    for has_vault in (True, False):
        assert call(home, "HEAD", "--repository", str(tmp_path / "gone"), vault=has_vault) == 64
        said = capsys.readouterr().err
        assert f"{tmp_path / 'gone'}: there is no such folder" in said
    home.commit(home.playbooks, {"site/inventory.yml": "["})
    assert call(home, "HEAD") == 1
    assert "the inventory cannot be read" in capsys.readouterr().err


def test_a_vault_that_the_node_would_not_believe_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.change_role()
    run_git(home.vault, "commit", "-q", "--amend", "--no-edit", "--no-gpg-sign")
    assert call(home, "HEAD") == 1
    assert "the vault's head is not signed, so its control node will not believe it" in capsys.readouterr().err
    assert nothing_stays(home)


def test_a_vault_file_that_is_sealed_whole_wants_stand_in_values(
    home: Home, signs: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.commit(home.vault, {"prod/host_vars/prod-proxy.yml": "$ANSIBLE_VAULT;1.1;AES256\n3031\n"})
    home.change_role()
    assert call(home, "HEAD") == 1
    said = capsys.readouterr().err
    assert "sealed as a whole, so that nobody here knows its variables: prod/host_vars/prod-proxy.yml" in said
    assert "\n    stand-ins/prod/host_vars/prod-proxy.yml\n" in said
    home.commit(home.playbooks, {"stand-ins/prod/host_vars/prod-proxy.yml": "a: b\n"})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert call(home, "HEAD") == 1
    assert "that needs root" in capsys.readouterr().err, "it came further"


def test_no_lab_can_be_had_here(
    home: Home, signs: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.change_role()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert call(home, "HEAD", "--yes") == 1
    said = capsys.readouterr().err
    assert "a lab that boots machines makes a network namespace, and that needs root" in said
    command = f'sudo --preserve-env=SSH_AUTH_SOCK "$(command -v homeprod)" --site {home.site} rehearse HEAD'
    assert command in said
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(lab, "find_sshd", lambda: "")
    monkeypatch.setattr("homeprod.lab.host.shutil.which", lambda _: None)
    assert call(home, "HEAD", "--yes") == 1
    assert "not installed: qemu-system-x86_64" in capsys.readouterr().err
    assert nothing_stays(home)


def test_too_little_memory_is_refused_and_nothing_was_made(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.change_role()
    monkeypatch.setattr(rehearse, "read_host", lambda _: Host(2, 1000 * MiB, 10**12))
    assert call(home, "HEAD", "--yes") == 1
    assert "2 machines take 2048 MiB of memory, and 1000 MiB are available" in capsys.readouterr().err
    assert nothing_stays(home)


def test_somebody_has_to_agree(home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]) -> None:
    home.change_role()
    assert call(home, "HEAD") == 1
    said = capsys.readouterr().err
    assert f"stand-ins for {TRIED} of prod, and for lab-ansible, which configures them" in said
    assert "2 machines take 2048 MiB of memory, of " in said
    assert "nobody is there to answer; nothing was done" in said
    assert nothing_stays(home)


def test_what_was_found_is_told_signed_and_at_the_git_host(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]
) -> None:
    revision = home.change_role()
    plays[TRIED] = GREEN
    assert call(home, "HEAD", "--yes", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert main(["rehearse", "--json-schema"]) == 0
    jsonschema.validate(told, json.loads(capsys.readouterr().out))
    [host] = told["hosts"]
    assert (host["host"], host["result"], host["why"], told["person"]) == (TRIED, "green", [], "ops")
    assert (told["revision"], told["environment"]) == (revision, "prod")
    assert list_labs() == []

    records = open_records(home.load(), "lab-ansible", home.playbooks)
    [signed] = records.read().believed
    trial = signed.entry
    assert isinstance(trial, Trial)
    assert (trial.host, trial.tried_on, trial.place, signed.person) == (TRIED, TRIED, "stand-in", "ops")
    assert (trial.digest, trial.revision) == (host["digest"], revision)
    assert trial.expires - trial.at == 14 * 86_400
    assert judge([signed], TRIED, host["digest"], trial.at).is_green
    origin = home.playbooks.parent / "origin.git"
    assert run_git(origin, "rev-parse", NOTES) == run_git(home.playbooks, "rev-parse", NOTES)


def test_a_playbook_that_does_not_parse_affects_everybody_and_is_tried(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]
) -> None:
    home.commit(home.playbooks, {"site.yml": "- hosts: all\n  tasks: [\n"})
    refused = RunSeen(
        "failed", "ansible refuses the playbook: \x1b[31mERROR! We were unable to read it as YAML\nmore"
    )
    plays |= dict.fromkeys(("prod-proxy", TRIED), Seen(base=GOOD, converge=refused))
    assert call(home, "HEAD", "--yes") == 2
    told = capsys.readouterr().out
    assert told.count("its run failed: ansible refuses the playbook") == 2
    assert "2 of 2 red" in told
    assert "\x1b" not in told
    believed = open_records(home.load(), "lab-ansible", home.playbooks).read().believed
    trials = [one.entry for one in believed if isinstance(one.entry, Trial)]
    assert {one.host: one.result for one in trials} == {"prod-proxy": "red", TRIED: "red"}
    assert all("its run failed: ansible refuses the playbook" in one.why for one in trials)


def test_an_interruption_leaves_neither_machines_nor_a_record(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.change_role()

    def interrupt(_: Rehearsal) -> dict[str, Seen]:
        assert len(list_labs()) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(Rehearsal, "perform", interrupt)
    assert call(home, "HEAD", "--yes") == 130
    assert nothing_stays(home)
    assert "taking the stand-ins away" in capsys.readouterr().err


def test_a_record_that_cannot_be_pushed_is_kept_and_said(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.change_role()
    plays[TRIED] = GREEN
    gone = str(home.playbooks.parent / "gone.git")

    def perform(_: Rehearsal) -> dict[str, Seen]:
        """The git host is gone meanwhile."""
        run_git(home.playbooks, "remote", "set-url", "origin", gone)
        return plays

    monkeypatch.setattr(Rehearsal, "perform", perform)
    assert call(home, "HEAD", "--yes") == 1
    told = capsys.readouterr()
    assert f"green  {TRIED}" in told.out
    assert "the records cannot be " in told.err
    assert len(open_records(home.load(), "lab-ansible", home.playbooks).read().believed) == 1


def test_a_git_host_that_is_away_is_said_before_the_question(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]
) -> None:
    home.change_role()
    run_git(home.playbooks, "remote", "set-url", "origin", str(home.playbooks.parent / "gone.git"))
    assert call(home, "HEAD", "--yes") == 1
    assert "the git host does not answer as it should" in capsys.readouterr().err
    run_git(home.playbooks, "remote", "remove", "origin")
    assert call(home, "HEAD", "--yes") == 1
    assert "the clone has no remote origin" in capsys.readouterr().err
    assert nothing_stays(home)


def test_what_is_there_now_is_what_the_git_host_has(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]
) -> None:
    first = home.change_role()
    run_git(home.playbooks.parent / "origin.git", "fetch", "-q", str(home.playbooks), "+main:prod")
    home.commit(home.playbooks, {"site.yml": (home.playbooks / "site.yml").read_text().replace("each name", "one")})
    assert call(home, "HEAD") == 1
    assert f"  from {first[:12]}, which is there now, to " in capsys.readouterr().err


def test_an_environment_without_a_branch_begins_from_nothing(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]
) -> None:
    revision = home.change_role()
    run_git(home.playbooks.parent / "origin.git", "update-ref", "-d", "refs/heads/prod")
    new = Seen(converge=GOOD, again=GOOD, after=Look())
    plays |= dict.fromkeys(("prod-proxy", TRIED), new)
    assert call(home, "HEAD", TRIED, "--yes") == 0
    assert "  from nothing, for no branch is there yet, to " in capsys.readouterr().err
    assert call(home, "HEAD", "--yes", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["present"], told["revision"]) == ("", revision)
    assert {one["host"]: one["result"] for one in told["hosts"]} == {"prod-proxy": "green", TRIED: "green"}


def test_where_nothing_is_affected_there_is_nothing_to_rehearse(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_git(home.playbooks, "rev-parse", "prod")
    second = home.commit(home.playbooks, {"README.md": "words"})
    span = f"{first[:12]}..{second[:12]}"
    assert call(home, "HEAD") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{span}: no machine of prod is affected: there is nothing to rehearse\n")
    assert out.endswith(f"  homeprod affected {span}\n")
    assert call(home, "HEAD", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["present"], told["revision"], told["hosts"]) == (first, second, [])


def test_the_vault_that_lacks_a_folder_is_the_one_at_its_git_host(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]
) -> None:
    home.change_role()
    bare = home.vault.parent / "vault.git"
    run_git(home.vault.parent, "clone", "-q", "--bare", str(home.vault), "vault.git")
    run_git(home.vault, "remote", "add", "origin", str(bare))
    run_git(home.vault, "mv", "prod", "stage")
    head = home.commit(home.vault, {})
    run_git(home.vault, "push", "-q", "origin", "main")
    run_git(home.vault, "mv", "stage", "prod")
    home.commit(home.vault, {})
    assert call(home, "HEAD") == 1
    said = capsys.readouterr().err
    assert f"origin/main of {bare}, at {head[:12]}: the vault repository has no folder prod" in said
    assert "push, if yours has" in said


def test_what_no_run_could_read_is_said_before_the_question(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str]
) -> None:
    home.change_role()
    home.commit(home.playbooks, {"stand-ins/nope/x.yml": "a: b\n"})
    assert call(home, "HEAD") == 1
    assert "stand-ins/nope/x.yml: stands in for nothing: the site has no environment nope" in capsys.readouterr().err
    (home.playbooks / "stand-ins/nope/x.yml").unlink()
    home.commit(home.playbooks, {})
    home.commit(home.vault, {"prod/group_vars/all.yml": "a: [\n"})
    assert call(home, "HEAD") == 1
    assert "prod/group_vars/all.yml: is no YAML that can be read" in capsys.readouterr().err


def test_the_site_is_where_gits_settings_say(
    home: Home, plays: dict[str, Seen], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.change_role()
    monkeypatch.chdir(home.playbooks)
    run_git(home.playbooks, "config", "homeprod.vault", "../vault")
    assert main(["rehearse", "HEAD"]) == 64
    assert "git -C . config homeprod.site DIR" in capsys.readouterr().err
    run_git(home.playbooks, "config", "homeprod.site", "../pegasus")
    assert main(["rehearse", "HEAD"]) == 1
    assert f"stand-ins for {TRIED} of prod" in capsys.readouterr().err
    run_git(home.playbooks, "config", "homeprod.site", "../gone")
    assert main(["rehearse", "HEAD"]) == 64
    assert "so says `git config homeprod.site` in ." in capsys.readouterr().err

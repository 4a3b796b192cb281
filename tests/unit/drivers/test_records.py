"""Records in real clones, by real git and a real ssh-agent."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.records import NOW, Person, make_trial

from homeprod.core.errors import PromotionError, UsageError
from homeprod.drivers.records import NOTES, Records, open_record_signer
from homeprod.promotion.record import Trial

SEAN, ANNE, STRANGER = Person("sean"), Person("anne"), Person("stranger")
PEOPLE = {"sean": (SEAN.line,), "anne": (ANNE.line,)}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git host's bare repository with two commits, and two clones beside it."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "sean")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "sean@home.test")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    bare = tmp_path / "host.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "lab", str(bare)], check=True)
    for name in ("first", "second"):
        subprocess.run(["git", "clone", "-q", str(bare), str(tmp_path / name)], check=True, stderr=subprocess.DEVNULL)
    first = tmp_path / "first"
    git(first, "checkout", "-q", "-b", "lab")
    for text in ("one", "two"):
        (first / "site.yml").write_text(text)
        git(first, "add", "site.yml")
        git(first, "commit", "-q", "-m", text)
    git(first, "push", "-q", "origin", "lab")
    git(tmp_path / "second", "fetch", "-q")
    return bare


def make(host: Path, name: str) -> Records:
    return Records(host.parent / name, PEOPLE)


def find_head(host: Path, back: int = 0) -> str:
    return git(host, "rev-parse", f"lab~{back}")


def list_hosts(records: Records) -> list[str]:
    return sorted(one.entry.host for one in records.read().believed if isinstance(one.entry, Trial))


def test_nothing_is_there_before_anybody_signed(host: Path) -> None:
    records = make(host, "first")
    records.fetch()
    records.push()
    assert records.read().believed == ()
    assert git(host, "for-each-ref", NOTES) == ""


def test_what_one_signs_another_reads(host: Path) -> None:
    mine = make(host, "first")
    mine.append(
        [make_trial(revision=find_head(host)), make_trial(host="prod-proxy", revision=find_head(host, 1))],
        SEAN.signer,
    )
    mine.push()
    theirs = make(host, "second")
    theirs.fetch()
    heard = theirs.read()
    assert list_hosts(theirs) == ["prod-coder", "prod-proxy"]
    assert {one.person for one in heard.believed} == {"sean"}
    assert heard.problems == ()


def test_two_who_sign_at_once_lose_nothing(host: Path) -> None:
    mine, theirs = make(host, "first"), make(host, "second")
    head = find_head(host)
    mine.append([make_trial(revision=head)], SEAN.signer)
    theirs.append([make_trial(host="prod-proxy", revision=head)], ANNE.signer)
    mine.push()
    theirs.push()
    theirs.append([make_trial(host="prod-mail", revision=head)], ANNE.signer)
    theirs.push()
    mine.append([make_trial(host="prod-files", revision=head)], SEAN.signer)
    mine.push()
    assert list_hosts(mine) == ["prod-coder", "prod-files", "prod-mail", "prod-proxy"]


def test_many_who_sign_at_once_in_one_clone_lose_nothing(host: Path) -> None:
    head, records = find_head(host), make(host, "first")
    names = [f"prod-{number}" for number in range(8)]

    def sign(name: str) -> None:
        make(host, "first").append([make_trial(host=name, revision=head)], SEAN.signer)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sign, names))
    assert list_hosts(records) == names


def test_a_host_that_forgets_its_notes_takes_nothing_away_here(host: Path) -> None:
    mine = make(host, "first")
    mine.append([make_trial(revision=find_head(host))], SEAN.signer)
    mine.push()
    git(host, "update-ref", "-d", NOTES)
    mine.fetch()
    assert list_hosts(mine) == ["prod-coder"]
    mine.push()
    assert git(host, "for-each-ref", NOTES)


def test_a_stranger_who_may_push_is_not_believed_and_hides_nobody(host: Path) -> None:
    theirs = Records(host.parent / "second", {"stranger": (STRANGER.line,)})
    theirs.append([make_trial(host="prod-proxy", revision=find_head(host))], STRANGER.signer)
    git(host.parent / "second", "notes", "--ref", NOTES, "append", "-m", "not json", find_head(host))
    theirs.push()
    mine = make(host, "first")
    mine.append([make_trial(revision=find_head(host))], SEAN.signer)
    mine.push()
    heard = mine.read()
    assert list_hosts(mine) == ["prod-coder"]
    assert len(heard.problems) == 2


def test_a_note_copied_to_another_commit_counts_as_nothing(host: Path) -> None:
    mine = make(host, "first")
    mine.append([make_trial(revision=find_head(host, 1))], SEAN.signer)
    git(host.parent / "first", "notes", "--ref", NOTES, "copy", find_head(host, 1), find_head(host))
    heard = mine.read()
    assert len(heard.believed) == 1
    assert "stands on another commit" in heard.problems[0]


def test_a_note_as_large_as_a_disk_image_is_passed_over(host: Path) -> None:
    mine, clone = make(host, "first"), host.parent / "first"
    mine.append([make_trial(revision=find_head(host))], SEAN.signer)
    (clone / "large").write_bytes(b"x" * 5 * 1024 * 1024)
    git(clone, "notes", "--ref", NOTES, "add", "-F", "large", find_head(host, 1))
    heard = mine.read()
    assert list_hosts(mine) == ["prod-coder"]
    assert "too large" in heard.problems[0]


def test_a_revision_that_is_not_here_takes_no_record(host: Path) -> None:
    with pytest.raises(PromotionError, match="no such commit"):
        make(host, "first").append([make_trial()], SEAN.signer)


def test_a_host_that_is_off_is_one_error_and_nothing_is_lost(host: Path) -> None:
    mine = make(host, "first")
    mine.append([make_trial(revision=find_head(host))], SEAN.signer)
    host.rename(host.with_name("moved.git"))
    for act in (mine.fetch, mine.push):
        with pytest.raises(PromotionError) as raised:
            act()
        assert "ls-remote" in raised.value.hint
    host.with_name("moved.git").rename(host)
    mine.push()
    assert git(host, "for-each-ref", NOTES)


def test_a_host_that_takes_no_pushes_says_so(host: Path) -> None:
    hook = host / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no notes here >&2\nexit 1\n")
    hook.chmod(0o755)
    mine = make(host, "first")
    mine.append([make_trial(revision=find_head(host))], SEAN.signer)
    with pytest.raises(PromotionError, match="cannot be pushed") as raised:
        mine.push()
    assert "kept here" in raised.value.hint


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_an_agent_signs_with_any_kind_of_key(host: Path, agent: str, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", kind, "-f", str(file)], check=True)
    env = {"SSH_AUTH_SOCK": agent}
    subprocess.run(["ssh-add", "-q", str(file)], env={**os.environ, **env}, check=True)
    people = {"sean": (file.with_suffix(".pub").read_text(),)}
    signer = open_record_signer(people, env, outside=tmp_path / "site")
    assert signer.person == "sean"
    records = Records(host.parent / "first", people)
    records.append([make_trial(revision=find_head(host), at=NOW)], signer)
    assert list_hosts(records) == ["prod-coder"]


def test_a_key_file_signs_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    file = SEAN.keep_key(tmp_path)
    signer = open_record_signer(PEOPLE, {"HOMEPROD_RING_KEY": str(file)}, outside=tmp_path / "site")
    assert signer.person == "sean"
    assert "PRIVATE" not in repr(signer)
    wrong = STRANGER.keep_key(tmp_path)
    with pytest.raises(UsageError, match=r"stranger is another key; records are believed of anne, sean"):
        open_record_signer(PEOPLE, {"HOMEPROD_RING_KEY": str(wrong)}, outside=tmp_path / "site")
    with pytest.raises(UsageError, match="neither an ssh-agent nor a key file"):
        open_record_signer(PEOPLE, {}, outside=tmp_path / "site")
    with pytest.raises(UsageError, match="nobody of the site"):
        open_record_signer({}, {}, outside=tmp_path / "site")

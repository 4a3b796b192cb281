"""``apps publish`` with the real git: which branches move, how, and what is left where it is interrupted."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.app_repository import COMPOSE, FIVE, TWO, AppRepository, clean_environment, write_configuration
from tests.reference_schema import open_validator

from homeprod.cli.apps import publish as command
from homeprod.cli.main import main
from homeprod.drivers.apps import publication

pytestmark = pytest.mark.slow

WIKI, CONFIGURATION = "deploy/box/wiki", "deploy/box/_config"


def bump(home: AppRepository, app: str, tag: int) -> str:
    return home.change({f"apps/{app}/compose.yaml": COMPOSE.format(app=app, tag=tag)}, f"{app}: take {tag}")


def test_the_first_makes_a_branch_for_each_app_and_one_for_the_configuration(home: AppRepository) -> None:
    source = home.git("rev-parse", "HEAD")
    assert home.publish() == 0
    assert {*home.list_heads()} == {CONFIGURATION, *(f"deploy/box/{app}" for app in TWO)}
    assert home.list_files(WIKI) == ["compose.yaml"]
    assert home.list_files(CONFIGURATION) == ["_harbormaster.yml"]
    message = home.git("show", "-s", "--format=%B", WIKI, folder=home.hub)
    assert message.splitlines()[0] == "box: publish wiki"
    trailer = home.git("show", "-s", "--format=%(trailers:key=Homeprod-Source,valueonly)", WIKI, folder=home.hub)
    assert trailer == source


def test_every_commit_is_signed_and_believed(home: AppRepository) -> None:
    home.publish()
    bump(home, "wiki", 2)
    home.publish()
    for commit in home.git("rev-list", *home.list_heads().values()).splitlines():
        said = subprocess.run(
            ["git", "-C", str(home.work), "verify-commit", commit],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=clean_environment(),
        ).stderr
        assert 'Good "git" signature for pat@home.example' in said


def test_a_commit_that_touches_one_of_five_apps_moves_one_branch(big_home: AppRepository) -> None:
    home = big_home
    home.publish()
    before = home.list_heads()
    bump(home, "photos", 2)
    assert home.publish() == 0
    after = home.list_heads()
    assert {name for name in after if after[name] != before[name]} == {"deploy/box/photos"}
    parent = home.git("rev-parse", "deploy/box/photos^", folder=home.hub)
    assert parent == before["deploy/box/photos"]


def test_nothing_moves_twice(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.publish()
    before = home.list_heads()
    home.change({"README.md": "of no app\n"})
    capsys.readouterr()
    assert home.publish() == 0
    assert home.list_heads() == before
    assert "3 branches stay as they are" in capsys.readouterr().out


def test_the_person_s_own_things_are_left_alone(home: AppRepository) -> None:
    home.write({"apps/wiki/compose.yaml": "half written\n", "apps/chat/new": "x\n"})
    home.git("add", "apps/chat/new")
    (home.work / "stray").write_text("x")
    status, branches = home.git("status", "--porcelain"), home.git("branch", "--list")
    index = (home.work / ".git" / "index").read_bytes()
    assert home.publish() == 0
    assert home.git("status", "--porcelain") == status
    assert home.git("branch", "--list") == branches
    assert hashlib.sha256((home.work / ".git" / "index").read_bytes()).digest() == hashlib.sha256(index).digest()
    assert "half written" not in home.read(WIKI, "compose.yaml")


def test_the_host_s_own_folder_wins(home: AppRepository) -> None:
    home.publish()
    home.change({"hosts/box/wiki/compose.yaml": COMPOSE.format(app="wiki", tag=9)})
    home.publish()
    assert ":9" in home.read(WIKI, "compose.yaml")


def test_what_two_hosts_share_moves_for_both(home: AppRepository) -> None:
    home.change({"hosts/attic/_harbormaster.yml": write_configuration("attic", "wiki")})
    home.publish()
    before = home.list_heads()
    bump(home, "wiki", 2)
    home.publish()
    after = home.list_heads()
    assert {name for name in after if after[name] != before[name]} == {WIKI, "deploy/attic/wiki"}


def test_files_of_variables_are_published_with_the_configuration(home: AppRepository) -> None:
    text = write_configuration("box", *TWO) + "    environment_file: env/chat.env\n    replacements_file: r.yml\n"
    home.change(
        {
            "hosts/box/_harbormaster.yml": text,
            "hosts/box/env/chat.env": "A=1\n",
            "hosts/box/r.yml": 'X: "1"\n',
            "hosts/box/other.txt": "of no use to Harbormaster\n",
        }
    )
    home.publish()
    assert home.list_files(CONFIGURATION) == ["_harbormaster.yml", "env/chat.env", "r.yml"]


def test_modes_and_links_arrive(home: AppRepository) -> None:
    home.write({"apps/wiki/start.sh": "#!/bin/sh\n"})
    (home.work / "apps/wiki/start.sh").chmod(0o755)
    (home.work / "apps/wiki/begin").symlink_to("start.sh")
    home.commit()
    home.publish()
    listed = home.git("ls-tree", "-r", WIKI, folder=home.hub)
    assert [line.split()[0] for line in listed.splitlines()] == ["120000", "100644", "100755"]


def test_going_back_is_publishing_an_older_commit(home: AppRepository) -> None:
    home.publish()
    old = home.git("rev-parse", "HEAD")
    bump(home, "wiki", 2)
    bump(home, "chat", 2)
    home.publish()
    heads = home.list_heads()
    assert home.publish("--commit", old, "--only", "box/wiki") == 0
    after = home.list_heads()
    assert {name for name in after if after[name] != heads[name]} == {WIKI}
    assert ":1" in home.read(WIKI, "compose.yaml")
    assert home.git("rev-parse", f"{WIKI}^", folder=home.hub) == heads[WIKI]


def test_a_commit_that_is_on_no_branch_there_is_refused(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write({"README.md": "mine alone\n"})
    mine = home.commit(is_pushed=False)
    assert home.publish("--commit", mine) == 1
    assert home.publish("--commit", "nowhere") == 1
    said = capsys.readouterr().err
    assert "this commit is not on origin's main" in said
    assert "there is no such commit" in said
    assert home.list_heads() == {}


def test_commits_that_were_not_pushed_are_told(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.write({"README.md": "mine alone\n"})
    home.commit(is_pushed=False)
    assert home.publish() == 0
    told = capsys.readouterr().err
    assert "note: 1 of your commits on main was not pushed, and is not published\n" in told
    home.write({"README.md": "mine too\n"})
    home.commit(is_pushed=False)
    assert home.publish() == 0
    told = capsys.readouterr().err
    assert "note: 2 of your commits on main were not pushed, and are not published\n" in told


def test_whose_branch_is_called_otherwise_is_told_how_to_say_so(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    home.git("branch", "--move", "main", "master")
    home.git("symbolic-ref", "HEAD", "refs/heads/master", folder=home.hub)
    home.git("push", "--quiet", "origin", "master", ":main")
    assert home.publish() == 1
    told = capsys.readouterr().err
    assert "origin has no branch main" in told
    assert "\n    git push origin master\n    homeprod apps publish --branch master\n" in told
    assert home.publish("--branch", "master") == 0


def test_a_dry_run_moves_nothing_and_says_so(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.publish("--dry-run", "--json") == 2
    report = json.loads(capsys.readouterr().out)
    open_validator("apps").validate(report)
    assert len(report["moves"]) == 3
    assert {move["commit"] for move in report["moves"]} == {None}
    assert home.list_heads() == {}


def test_what_was_published_is_told_to_machines(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.publish("--json") == 0
    report = json.loads(capsys.readouterr().out)
    open_validator("apps").validate(report)
    assert {move["branch"]: move["commit"] for move in report["moves"]} == home.list_heads()


def test_nothing_is_pushed_that_nobody_agreed_to(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apps", "publish", str(home.work)]) == 1
    assert "nobody is there to answer" in capsys.readouterr().err
    assert home.list_heads() == {}


def test_a_wrong_repository_is_not_published(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.change({"apps/wiki/compose.yaml": "services: [\n", "apps/chat/compose.yaml": "x: 1\n"})
    assert home.publish("--json") == 1
    said = capsys.readouterr()
    files = {error["file"] for error in json.loads(said.out)["errors"]}
    assert files == {"apps/wiki/compose.yaml", "apps/chat/compose.yaml"}
    assert "the app repository has 2 mistakes" in said.err
    assert home.list_heads() == {}


def test_an_app_must_stop_before_it_leaves(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.publish()
    home.change({"hosts/box/_harbormaster.yml": write_configuration("box", *TWO[1:])})
    before = home.list_heads()
    assert home.publish() == 1
    assert "wiki has left, and was published last as one that runs" in capsys.readouterr().err
    assert home.list_heads() == before
    home.change({"hosts/box/_harbormaster.yml": write_configuration("box", *TWO[1:], stopped=("wiki",))})
    assert home.publish() == 0
    home.change({"hosts/box/_harbormaster.yml": write_configuration("box", *TWO[1:])})
    assert home.publish() == 0


def test_one_app_is_published_alone_only_where_its_configuration_is_the_same(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    home.publish()
    text = write_configuration("box", *TWO) + "    environment:\n      A: b\n"
    home.change({"hosts/box/_harbormaster.yml": text, "apps/chat/x": "y\n"})
    assert home.publish("--only", "box/chat") == 1
    assert "chat is configured otherwise than box has it published" in capsys.readouterr().err
    assert home.publish("--only", "box") == 0


def test_two_at_once_and_one_of_them_loses_whole(
    home: AppRepository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other publishes between our look and our push."""
    home.publish()
    bump(home, "chat", 2)
    bump(home, "wiki", 2)
    other = home.clone("other")
    other.git("config", "user.name", "Sam")  # the very same commit would be no race
    seen: list[dict[str, str]] = []
    real = command.make_commits

    def overtake(*given: object, **more: object) -> object:
        monkeypatch.setattr(command, "make_commits", real)
        assert other.publish("--only", "box/wiki") == 0
        seen.append(home.list_heads())
        return real(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "make_commits", overtake)
    assert home.publish() == 1
    assert "somebody else published meanwhile; no branch moved" in capsys.readouterr().err
    assert home.list_heads() == seen[0]
    assert home.publish() == 0
    assert home.git("rev-list", "--count", WIKI, folder=home.hub) == "2"


def test_interrupted_between_two_branches_the_next_one_goes_on(
    home: AppRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a git host that cannot move all or none, killed after the first."""
    home.git("config", "receive.advertiseAtomic", "false", folder=home.hub)
    real, pushed = publication._push, []

    def die(*given: object) -> None:
        if "--atomic" not in given and len(pushed) == 1:
            raise KeyboardInterrupt
        real(*given)  # type: ignore[arg-type]
        pushed.append(given)

    monkeypatch.setattr(publication, "_push", die)
    assert home.publish() == 130
    half = home.list_heads()
    assert len(half) == 1
    monkeypatch.setattr(publication, "_push", real)
    assert home.publish() == 0
    whole = home.list_heads()
    assert len(whole) == 3
    assert {name: whole[name] for name in half} == half


def test_a_refusal_amid_the_branches_says_what_moved(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.git("config", "receive.advertiseAtomic", "false", folder=home.hub)
    hook = home.hub / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/deploy/box/wiki ]\n')
    hook.chmod(0o755)
    assert home.publish() == 1
    said = capsys.readouterr().err
    assert "hook declined" in said
    assert "these moved: deploy/box/chat" in said
    hook.unlink()
    assert home.publish() == 0
    assert len(home.list_heads()) == 3


def test_a_refusal_of_one_moves_none_where_the_git_host_can(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = home.hub / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/deploy/box/wiki ]\n')
    hook.chmod(0o755)
    assert home.publish() == 1
    assert "no branch moved" in capsys.readouterr().err
    assert home.list_heads() == {}


def test_a_branch_that_vanished_is_put_back(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.publish()
    before = home.list_heads()
    home.git("branch", "--delete", "--force", WIKI, folder=home.hub)
    bump(home, "chat", 2)
    capsys.readouterr()
    assert home.publish() == 0
    assert "vanished from the git host, and is put back" in capsys.readouterr().out
    assert home.list_heads()[WIKI] == before[WIKI]


def test_a_branch_that_was_rewritten_is_refused(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.publish()
    before = home.list_heads()
    home.git("branch", "--force", WIKI, "deploy/box/chat", folder=home.hub)
    bump(home, "chat", 2)
    for _ in range(2):
        assert home.publish() == 1
        said = capsys.readouterr().err
        assert f"{WIKI} was rewritten" in said
    put_back = next(line for line in said.splitlines() if "git push --force-with-lease" in line).split()
    home.git(*put_back[1:])
    assert home.list_heads()[WIKI] == before[WIKI]
    assert home.publish() == 0


def test_without_a_key_nothing_is_published_but_unsigned(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    home.git("config", "user.signingkey", "/nowhere/key.pub")
    assert home.publish() == 1
    said = capsys.readouterr().err
    assert "cannot be signed; nothing was published" in said
    assert "git config --global user.signingkey" in said
    assert home.list_heads() == {}
    assert home.publish("--unsigned") == 0
    assert "gpgsig" not in home.git("cat-file", "-p", WIKI, folder=home.hub)


def test_who_git_does_not_know_is_told_so(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.git("config", "user.useConfigOnly", "true")
    home.git("config", "--unset", "user.email")
    assert home.publish("--unsigned") == 1
    assert "git does not know who publishes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (("remote", "remove", "origin"), "the repository has no remote origin"),
        (("remote", "set-url", "origin", "/nowhere/at/all"), "the git host does not answer as it should"),
    ],
)
def test_without_a_git_host(
    home: AppRepository, spoil: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home.git(*spoil)
    assert home.publish() == 1
    assert words in capsys.readouterr().err


def test_an_empty_git_host(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.git("update-ref", "-d", "refs/heads/main", folder=home.hub)
    assert home.publish() == 1
    assert "origin has no branch main" in capsys.readouterr().err


def test_what_is_no_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plain").mkdir()
    assert main(["apps", "publish", str(tmp_path / "plain")]) == 1
    assert main(["apps", "publish", str(tmp_path / "gone")]) == 1
    said = capsys.readouterr().err
    assert "this is no git repository" in said
    assert "there is no such folder" in said


def test_hosts_that_follow_another_repository_are_told(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.publish("--dry-run") == 2
    assert "follows" not in capsys.readouterr().err
    text = write_configuration("box", *TWO).replace("/apps.git", "/other.git")
    home.change({"hosts/box/_harbormaster.yml": text})
    assert home.publish("--dry-run") == 2
    assert f"note: box follows https://git.example/other.git, and this is {home.hub}" in capsys.readouterr().err


def test_a_bare_clone_will_do(home: AppRepository) -> None:
    bare = home.root / "bare.git"
    home.git("clone", "--quiet", "--bare", str(home.hub), str(bare))
    for name, value in (("user.name", "Pat"), ("user.email", "p@x"), ("gpg.format", "ssh")):
        home.git("config", name, value, folder=bare)
    home.git("config", "user.signingkey", str(home.root / "key.pub"), folder=bare)
    assert main(["apps", "publish", str(bare), "--yes"]) == 0
    assert len(home.list_heads()) == 3


def test_only_what_there_is(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.publish("--only", "box/wikki") == 64
    assert "is box/wiki meant?" in capsys.readouterr().err


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(touched=st.sets(st.sampled_from(FIVE)), tag=st.integers(min_value=2, max_value=10**9))
def test_just_those_move_that_were_touched(big_home: AppRepository, touched: set[str], tag: int) -> None:
    home = big_home
    home.publish()
    before = home.list_heads()
    changed = {app for app in touched if f":{tag}\n" not in (home.work / f"apps/{app}/compose.yaml").read_text()}
    home.write({f"apps/{app}/compose.yaml": COMPOSE.format(app=app, tag=tag) for app in touched})
    home.write({"README.md": f"{tag} {sorted(touched)} {sorted(before.values())}\n"})
    home.commit()
    assert home.publish() == 0
    after = home.list_heads()
    assert {name for name in after if after[name] != before[name]} == {f"deploy/box/{app}" for app in changed}
    for name, commit in after.items():
        home.git("merge-base", "--is-ancestor", before[name], commit, folder=home.hub)

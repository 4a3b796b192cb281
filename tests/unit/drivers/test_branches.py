"""Branches at a real git host: two people at once, a push in between, and what is refused."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.playbook_clones import Clone, GitHost, make_key, read_public

from homeprod.core.errors import PromotionError, UsageError
from homeprod.drivers.apps.git import Git
from homeprod.drivers.branches import Branches, Move, OvertakenError, open_branches
from homeprod.drivers.commitsignature import require_signer
from homeprod.drivers.revert import TRAILER, make_revert

PROD, NOTES = "refs/heads/prod", "refs/notes/homeprod"


@dataclass(frozen=True)
class Setting:
    host: GitHost
    clone: Clone
    branches: Branches
    first: str


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    host = GitHost.make(tmp_path, make_key(tmp_path, "sean"))
    clone = host.clone()
    first = clone.commit({"site.yml": "[]\n"})
    clone.push("HEAD:refs/heads/prod", "HEAD:refs/heads/lab")
    return Setting(host, clone, open_branches(clone.folder), first)


def test_branches_are_looked_at_where_they_are_and_those_that_are_not_there_are_left_out(setting: Setting) -> None:
    other = setting.host.clone("other")
    other.git("checkout", "-q", "prod")
    second = other.commit({"a": "1"})
    other.push("HEAD:refs/heads/prod")
    assert setting.branches.fetch(["prod", "lab", "nowhere"]) == {"prod": second, "lab": setting.first}
    assert setting.branches.find_commit(second) == second
    assert setting.branches.descends(second, setting.first)
    assert setting.branches.descends(second, "")
    assert not setting.branches.descends(setting.first, second)
    with pytest.raises(PromotionError, match="there is no revision nothing"):
        setting.branches.find_commit("nothing")


def test_a_branch_and_its_notes_move_together_or_not_at_all(setting: Setting) -> None:
    second = setting.clone.commit({"a": "1"})
    setting.clone.git("notes", "--ref", NOTES, "add", "-m", "a record", second)
    note = setting.clone.git("rev-parse", NOTES)
    moves = [Move(PROD, setting.first, second), Move(NOTES, "", note)]
    wrong = [Move(PROD, setting.first, second), Move(NOTES, second, note)]
    with pytest.raises(OvertakenError) as raised:
        setting.branches.move(wrong)
    assert raised.value.refs == (NOTES,)
    assert (setting.host.heads()["prod"], setting.host.find(NOTES)) == (setting.first, "")
    setting.branches.move(moves)
    assert (setting.host.heads()["prod"], setting.host.find(NOTES)) == (second, note)
    assert setting.clone.git("rev-parse", "origin/prod") == second


def test_a_push_in_between_wins_and_the_late_one_changes_nothing(setting: Setting) -> None:
    second = setting.clone.commit({"a": "1"})
    other = setting.host.clone("other")
    other.git("checkout", "-q", "prod")
    faster = other.commit({"b": "1"})
    other.push("HEAD:refs/heads/prod")
    with pytest.raises(OvertakenError, match="somebody else moved prod meanwhile; nothing was moved"):
        setting.branches.move([Move(PROD, setting.first, second)])
    assert setting.host.heads()["prod"] == faster


def test_a_move_whose_answer_was_lost_is_known_by_where_the_branch_is(setting: Setting) -> None:
    second = setting.clone.commit({"a": "1"})
    hook = setting.host.folder / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
    hook.chmod(0o755)
    setting.branches.move([Move(PROD, setting.first, second)])
    assert setting.host.heads()["prod"] == second


def test_of_many_at_once_one_wins(setting: Setting) -> None:
    clones = [setting.host.clone(f"person{number}") for number in range(4)]
    wanted = []
    for number, clone in enumerate(clones):
        clone.git("checkout", "-q", "prod")
        wanted.append(clone.commit({f"file{number}": "1"}))
    won: list[str] = []
    lost: list[PromotionError] = []
    start = threading.Barrier(len(clones))

    def move(number: int) -> None:
        start.wait(20)
        try:
            open_branches(clones[number].folder).move([Move(PROD, setting.first, wanted[number])])
            won.append(wanted[number])
        except OvertakenError as error:
            lost.append(error)

    threads = [threading.Thread(target=move, args=(number,)) for number in range(len(clones))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(won), len(lost)) == (1, 3)
    assert setting.host.heads()["prod"] == won[0]


def test_a_git_host_that_is_not_there_or_refuses_is_told(setting: Setting) -> None:
    hook = setting.host.folder / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho not you >&2\nexit 1\n")
    hook.chmod(0o755)
    second = setting.clone.commit({"a": "1"})
    with pytest.raises(PromotionError, match=r"refuses: .*pre-receive hook declined.*nothing was moved"):
        setting.branches.move([Move(PROD, setting.first, second)])
    setting.host.folder.rename(setting.host.folder.with_name("away"))
    with pytest.raises(PromotionError, match="does not answer as it should"):
        setting.branches.fetch(["prod"])
    with pytest.raises(PromotionError, match=r"does not answer as it should"):
        setting.branches.move([Move(PROD, setting.first, second)])
    setting.clone.git("remote", "remove", "origin")
    with pytest.raises(PromotionError, match="has no remote origin"):
        setting.branches.fetch(["prod"])


def test_a_folder_that_is_no_clone_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        open_branches(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no git repository"):
        open_branches(tmp_path)


def test_a_revert_goes_forward_with_the_files_of_before_and_is_signed(setting: Setting, tmp_path: Path) -> None:
    git = Git(setting.clone.folder)
    second = setting.clone.commit({"a": "1", "site.yml": "bad\n"})
    reverted = make_revert(git, second, setting.first, "prod", "the pages were empty")
    assert setting.clone.git("rev-parse", f"{reverted}^{{tree}}") == setting.clone.git(
        "rev-parse", f"{setting.first}^{{tree}}"
    )
    assert setting.clone.git("rev-parse", f"{reverted}^") == second
    message = setting.clone.git("show", "-s", "--format=%B", reverted)
    assert message == (
        f"Roll prod back to {setting.first[:12]}\n\nthe pages were empty\n\n{TRAILER}: {setting.first}"
    )
    assert require_signer(git, reverted, {"sean": (read_public(setting.host.key),)}) == "sean"
    setting.clone.git("config", "user.signingkey", str(tmp_path / "nothing"))
    with pytest.raises(PromotionError, match="cannot be signed; nothing was moved"):
        make_revert(git, second, setting.first, "prod")


def test_whom_the_node_would_not_believe_is_told_apart(setting: Setting, tmp_path: Path) -> None:
    git, sean = Git(setting.clone.folder), (read_public(setting.host.key),)
    assert require_signer(git, setting.first, {"anna b": (read_public(make_key(tmp_path, "anna")),), "sean": sean})
    with pytest.raises(PromotionError, match=r"signed by a key that nobody may sign with here \(SHA256:"):
        require_signer(git, setting.first, {"anna": (read_public(tmp_path / "anna"),)})
    unsigned = setting.clone.commit({"a": "2"}, is_signed=False)
    with pytest.raises(PromotionError, match="is not signed"):
        require_signer(git, unsigned, {"sean": sean})
    content = subprocess.run(
        ["git", "-C", str(setting.clone.folder), "cat-file", "commit", setting.first], capture_output=True, check=True
    ).stdout.replace(b"a change", b"another one")
    forged = git.run("hash-object", "-t", "commit", "-w", "--stdin", given=content).decode().strip()
    with pytest.raises(PromotionError, match="has a signature that is not right"):
        require_signer(git, forged, {"sean": sean})

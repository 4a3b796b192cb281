"""A lab's repositories on disk, and what a deploy key gets."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from homeprod.core.errors import LabError, UsageError
from homeprod.lab.lan.gitserver import GitServer
from homeprod.lab.lan.namespace import Namespace
from homeprod.lab.repository import store as module
from homeprod.lab.repository.store import Store

KEY, OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBB"
SERVE = Path(module.__file__).with_name("serve.sh")


def git(folder: Path, *arguments: str) -> str:
    argv = ["git", "-c", "user.name=t", "-c", "user.email=t@home.example", "-C", str(folder), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "lab")
    (folder / "site.yml").write_text("[]\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def test_a_repository_holds_what_its_source_holds(store: Store, source: Path) -> None:
    path = store.add("playbooks", str(source))
    assert store.list_names() == ["playbooks"]
    assert git(path, "rev-parse", "lab") == git(source, "rev-parse", "lab")
    assert git(path, "remote") == ""
    assert store.folder.stat().st_mode & 0o077 == 0


def test_it_is_brought_up_to_date(store: Store, source: Path) -> None:
    path = store.add("playbooks")
    git(source, "branch", "prod")
    git(source, "tag", "v1")
    store.push("playbooks", source)
    assert git(path, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/lab", "refs/heads/prod", "refs/tags/v1",
    ]  # fmt: skip
    assert git(path, "symbolic-ref", "HEAD").strip() == "refs/heads/lab"


def test_no_hook_of_a_persons_folder_is_run(store: Store, source: Path) -> None:
    hook = source / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    store.add("playbooks")
    store.push("playbooks", source)


def test_a_rewritten_branch_is_taken_by_force_alone(store: Store, source: Path) -> None:
    path = store.add("playbooks", str(source))
    git(source, "commit", "-q", "--amend", "-m", "another")
    with pytest.raises(LabError, match="non-fast-forward") as caught:
        store.push("playbooks", source)
    assert "add --force" in caught.value.hint
    store.push("playbooks", source, force=True)
    assert git(path, "rev-parse", "lab") == git(source, "rev-parse", "lab")


def test_bad_input(store: Store, source: Path, tmp_path: Path) -> None:
    for name in ("", "../x", "A", "a b", "a'b", "-x", "a" * 65):
        with pytest.raises(UsageError, match="is no name for a repository"):
            store.add(name)
    with pytest.raises(LabError, match=r"does not exist|not appear to be a git"):
        store.add("playbooks", str(tmp_path / "nothing"))
    assert store.list_names() == []
    with pytest.raises(LabError, match="no repository playbooks") as refusal:
        store.push("playbooks", source)
    assert refusal.value.hint == "there are: none"
    store.add("playbooks")
    with pytest.raises(LabError, match="a repository playbooks already"):
        store.add("playbooks")
    with pytest.raises(LabError, match="not a git repository"):
        store.push("playbooks", tmp_path)
    for text in ("", "AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----", 'command="x" ssh-ed25519 AAAA'):
        with pytest.raises(UsageError, match="not a public SSH key"):
            store.authorize("playbooks", text)


def test_what_a_hook_was_told_of_another_repository_does_not_count(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    store.add("playbooks", str(source))


def test_a_key_is_one_line_with_all_that_it_reads(store: Store) -> None:
    for name in ("playbooks", "vault"):
        store.add(name)
        store.authorize(name, f"{KEY} deploy@lab-ansible\n")
    store.authorize("vault", f"{KEY} twice")
    store.authorize("vault", OTHER)
    server = GitServer(store.state, Namespace("none"))
    server.write_keys()
    lines = (store.folder / "authorized_keys").read_text().splitlines()
    assert lines == [
        f'restrict,command="/bin/sh {SERVE} {store.folder} playbooks vault" {KEY}',
        f'restrict,command="/bin/sh {SERVE} {store.folder} vault" {OTHER}',
    ]
    store.revoke("vault", f"{KEY} deploy")
    assert store.read_keys("vault") == [OTHER]
    assert store.read_keys("playbooks") == [KEY]


def serve(store: Store, *names: str, asked: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "SSH_ORIGINAL_COMMAND": asked}
    argv = ["/bin/sh", str(SERVE), str(store.folder), *names]
    return subprocess.run(
        argv, env=environment, input="0000", capture_output=True, text=True, timeout=60, check=False
    )


def test_the_forced_command_serves_what_the_key_reads_and_nothing_else(store: Store, source: Path) -> None:
    for name in ("playbooks", "vault"):
        store.add(name, str(source))
    head = git(source, "rev-parse", "lab").strip()
    for asked in ("'/playbooks.git'", "'playbooks.git'", "'/playbooks'"):
        done = serve(store, "playbooks", asked=f"git-upload-pack {asked}")
        assert (done.returncode, head in done.stdout) == (0, True)
    for asked in (
        "git-upload-pack '/vault.git'",
        "git-upload-pack '/../playbooks.git'",
        "git-upload-pack '/playbooks.git'; id",
        "git-upload-pack '/playbooks.git' '/vault.git'",
        "git-upload-archive '/playbooks.git'",
        "sh",
        "",
    ):
        done = serve(store, "playbooks", asked=asked)
        assert (done.returncode, done.stdout) == (1, "")
        assert "it reads: playbooks" in done.stderr
    done = serve(store, "playbooks", asked="git-receive-pack '/playbooks.git'")
    assert (done.returncode, "pushes nothing" in done.stderr) == (1, True)

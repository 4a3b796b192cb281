"""The site's commit, for the marks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from homeprod.drivers.git import read_commit


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(("git", "-C", str(folder), *who, *arguments), check=True, capture_output=True)


def test_the_commit_and_whether_something_is_not_committed(tmp_path: Path) -> None:
    assert read_commit(tmp_path) == ""
    _git(tmp_path, "init")
    assert read_commit(tmp_path) == ""  # no commit yet
    (tmp_path / "a").write_text("1")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-m", "a")
    commit = read_commit(tmp_path)
    assert len(commit) == 12
    (tmp_path / "a").write_text("2")
    assert read_commit(tmp_path) == f"{commit}+"


def test_git_is_given_no_token_and_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\n/usr/bin/env >{tmp_path}/seen\necho abc\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOMEPROD_TOKEN", "canary")
    assert read_commit(tmp_path) == "abc+"
    assert "canary" not in (tmp_path / "seen").read_text()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert read_commit(tmp_path) == ""

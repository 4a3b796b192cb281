"""``homeprod lab repository``, as a person types it, on a lab that boots nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.unit.lab.conftest import Run

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA"


@pytest.fixture
def lab(run: Run, tmp_path: Path) -> Run:
    assert run("lab", "up", "p", "--no-boot") == 0
    (tmp_path / "deploy.pub").write_text(f"{KEY} deploy@lab-ansible\n")
    source = tmp_path / "source"
    for argv in (
        ["init", "-q", "-b", "lab", str(source)],
        ["-C", str(source), "commit", "-q", "--allow-empty", "-m", "1"],
    ):
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@home.example"]
        subprocess.run([*git, *argv], check=True, timeout=60)
    return run


def test_a_repository_and_its_deploy_key(lab: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, key = str(tmp_path / "source"), str(tmp_path / "deploy.pub")
    assert lab("lab", "repository", "list", "p") == 0
    assert "homeprod lab repository add p REPOSITORY" in capsys.readouterr().out
    assert lab("lab", "repository", "add", "p", "playbooks", "--from", source) == 0
    assert "boots nothing (--no-boot), so nobody serves it" in capsys.readouterr().err
    assert lab("lab", "repository", "authorize", "p", "playbooks", key) == 0
    assert lab("lab", "repository", "push", "p", "playbooks", "--from", source) == 0
    capsys.readouterr()
    assert lab("lab", "repository", "list", "p") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["playbooks", "1"]
    assert lab("lab", "repository", "revoke", "p", "playbooks", key) == 0
    assert lab("lab", "repository", "hostkey", "p") == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("git ssh-ed25519 AAAA")
    assert lab("lab", "repository", "hostkey", "p") == 0
    assert capsys.readouterr().out.splitlines() == [line]


def test_what_is_wrong_is_said(lab: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = str(tmp_path / "deploy.pub")
    for status, words, arguments in (
        (1, "there is no lab q", ("list", "q")),
        (1, "the lab has no repository vault", ("authorize", "p", "vault", key)),
        (64, "cannot read the key: No such file", ("authorize", "p", "vault", "nothing.pub")),
        (64, "is no name for a repository", ("add", "p", "Not A Name")),
        (64, f"{tmp_path}/nothing: there is no such folder", ("add", "p", "x", "--from", f"{tmp_path}/nothing")),
        (64, f"{tmp_path}/nothing: there is no such folder", ("push", "p", "x", "--from", f"{tmp_path}/nothing")),
        (1, "repository", ("add", "p", "x", "--from", f"file://{tmp_path}/nothing")),
        (64, "VERB", ()),
    ):
        assert lab("lab", "repository", *arguments) == status
        assert words in capsys.readouterr().err


def test_a_key_that_is_none(lab: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab("lab", "repository", "add", "p", "playbooks") == 0
    (tmp_path / "deploy.pub").write_bytes(b"\xff\xfe")
    assert lab("lab", "repository", "authorize", "p", "playbooks", str(tmp_path / "deploy.pub")) == 64
    assert "it is no text" in capsys.readouterr().err

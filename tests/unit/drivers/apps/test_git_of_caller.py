"""Git under sudo: in the caller's own repository it is the caller's."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeprod.drivers.apps.git import Git

NOBODY = pwd.getpwnam("nobody")
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where anybody may come to, and nobody's own."""
    made = Path(tempfile.mkdtemp(prefix="homeprod-git-"))
    made.chmod(0o755)
    repository = made / "playbooks"
    repository.mkdir()
    os.chown(repository, NOBODY.pw_uid, NOBODY.pw_gid)
    yield repository
    shutil.rmtree(made)


def list_owners(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in folder.rglob("*")}


def test_nothing_of_roots_lies_in_the_callers_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    git = Git(folder)
    git.run("init", "-q")
    blob = git.run("hash-object", "-w", "--stdin", given=b"x").decode().strip()
    assert git.ask("cat-file", "-t", blob) == "blob"
    assert list_owners(folder) == {NOBODY.pw_uid}
    assert b"core." in git.run("config", "--list"), "it has a home to look for settings in, or none, and goes on"


def test_elsewhere_and_without_sudo_it_is_as_ever(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    Git(tmp_path).run("init", "-q")
    assert list_owners(tmp_path) == {0}
    for caller in ("", "0", "nobody", "999999999"):
        monkeypatch.setenv("SUDO_UID", caller)
        os.chown(folder, 0, 0)
        Git(folder).run("init", "-q")
        assert list_owners(folder) == {0}

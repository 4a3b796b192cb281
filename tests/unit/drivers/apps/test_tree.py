"""An app repository's files: the same from a work tree and from a commit of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.app_repository import AppRepository, make_files, make_repository

from homeprod.core.errors import AppsError
from homeprod.core.tree import Kind, Tree
from homeprod.drivers.apps.git import Git
from homeprod.drivers.apps.tree import LARGEST, read_commits, read_work_tree


@pytest.fixture
def home(tmp_path: Path) -> AppRepository:
    return make_repository(tmp_path, make_files("box", "wiki"))


def show(tree: Tree) -> dict[str, tuple[Kind, bytes | None]]:
    return {path: (file.kind, file.content) for path, file in tree}


def test_a_commit_and_its_work_tree_are_the_same(home: AppRepository) -> None:
    home.write({"apps/wiki/run.sh": "#!/bin/sh\n", "apps/wiki/ümlaut name": "x\n", ".gitignore": "*.log\n"})
    (home.work / "apps/wiki/run.sh").chmod(0o755)
    (home.work / "apps/wiki/link").symlink_to("run.sh")
    (home.work / "apps/wiki/broken").symlink_to("/nowhere")
    (home.work / "apps/wiki/large").write_bytes(b"x" * (LARGEST + 1))
    (home.work / "apps/wiki/empty").touch()
    (home.work / "apps/wiki/raw").write_bytes(bytes(range(256)))
    (home.work / os.fsdecode(b"apps/wiki/\xff")).touch()
    commit = home.commit()
    home.write({"apps/wiki/debug.log": "ignored\n"})
    from_commit = read_commits(Git(home.work), {"it": commit})["it"]
    assert show(from_commit) == show(read_work_tree(home.work))
    kinds = {path.removeprefix("apps/wiki/"): file.kind for path, file in from_commit if path.startswith("apps/")}
    assert (kinds["run.sh"], kinds["link"], kinds["raw"]) == (Kind.PROGRAM, Kind.LINK, Kind.FILE)
    assert from_commit.get("apps/wiki/large").content is None  # type: ignore[union-attr]


def test_files_that_are_not_added_yet_count_and_removed_ones_do_not(home: AppRepository) -> None:
    home.write({"apps/chat/compose.yaml": "x\n", "apps/wiki/compose.yaml": None})
    tree = read_work_tree(home.work)
    assert tree.get("apps/chat/compose.yaml") is not None
    assert tree.get("apps/wiki/compose.yaml") is None


def test_a_repository_within_is_a_submodule(home: AppRepository) -> None:
    inner = home.work / "apps/wiki/inner"
    home.git("init", "--quiet", str(inner))
    (inner / "file").touch()
    assert read_work_tree(home.work).get("apps/wiki/inner").kind is Kind.SUBMODULE  # type: ignore[union-attr]


def test_a_folder_without_git_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    (tmp_path / "a" / "to").symlink_to("b")
    assert show(read_work_tree(tmp_path)) == {"a/b/c": (Kind.FILE, b"x"), "a/to": (Kind.LINK, b"b")}
    assert show(read_work_tree(tmp_path, known_by="a")) == show(read_work_tree(tmp_path))


def test_a_folder_that_is_none_of_those_that_are_meant_is_not_walked_through(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("x")
    assert show(read_work_tree(tmp_path, known_by="hosts")) == {}
    assert show(read_work_tree(Path("/"), known_by="hosts")) == {}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AppsError, match="there is no such folder"):
        read_work_tree(tmp_path / "gone")


def test_a_commit_that_is_not_whole(home: AppRepository) -> None:
    oid = home.git("rev-parse", "HEAD:apps/wiki/compose.yaml")
    (home.work / ".git/objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(AppsError, match="a commit cannot be read"):
        read_commits(Git(home.work), {"it": home.git("rev-parse", "HEAD")})

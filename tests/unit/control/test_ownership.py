"""What root gives away when it installs a control node, and what it must not be led to give away."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from homeprod.control.ownership import give_tree, make_given
from homeprod.core.errors import ControlError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
UID = GID = 54321


def read_owners(*paths: Path) -> list[int]:
    return [path.lstat().st_uid for path in paths]


@needs_root
def test_a_tree_is_given_whole_and_nothing_that_its_links_lead_to(tmp_path: Path) -> None:
    outside, ledger = tmp_path / "outside", tmp_path / "ledger"
    (outside / "below").mkdir(parents=True)
    (outside / "shadow").write_text("root's")
    (ledger / "in").mkdir(parents=True)
    (ledger / "in" / "control.db").write_text("")
    (ledger / "file").symlink_to(outside / "shadow")
    (ledger / "in" / "folder").symlink_to(outside)
    give_tree(ledger, UID, GID)
    given = (ledger, ledger / "in", ledger / "in" / "control.db", ledger / "file", ledger / "in" / "folder")
    assert set(read_owners(*given)) == {UID}
    assert set(read_owners(outside, outside / "shadow", outside / "below")) == {os.geteuid()}


@needs_root
def test_a_folder_is_made_for_a_user_alone_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        make_given(tmp_path, ("facts", "lab"), UID, GID)
        made = tmp_path / "facts" / "lab"
        assert (made.stat().st_uid, stat.S_IMODE(made.stat().st_mode)) == (UID, 0o700)
        assert read_owners(made.parent) == [os.geteuid()]


@pytest.mark.parametrize("link", ["facts", "facts/lab"])
def test_a_link_in_its_place_is_refused_and_not_followed(tmp_path: Path, link: str) -> None:
    outside, cache = tmp_path / "outside", tmp_path / "cache"
    (outside / "lab").mkdir(parents=True, mode=0o755)
    (cache / link).parent.mkdir(parents=True)
    (cache / link).symlink_to(outside)
    with pytest.raises(ControlError, match="cannot make the folder"):
        make_given(cache, ("facts", "lab"), UID, GID)
    assert set(read_owners(outside, outside / "lab")) == {os.geteuid()}
    assert stat.S_IMODE((outside / "lab").stat().st_mode) == 0o755

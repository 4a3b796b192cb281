"""A run's folder: private, empty, for one run of a host at a time."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from homeprod.control.runs import workplace
from homeprod.control.runs.workplace import clear_leftovers, find_room, take_workplace
from homeprod.core.errors import ControlError


def test_it_is_empty_at_its_start_and_gone_at_its_end(tmp_path: Path) -> None:
    left_over = tmp_path / "lab-proxy" / "artifacts"
    left_over.mkdir(parents=True)
    with take_workplace("lab-proxy", tmp_path) as folder:
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "file").write_text("x")
    assert not folder.exists()


def test_a_second_run_of_a_host_waits_for_the_first_and_one_of_another_does_not(tmp_path: Path) -> None:
    order = []
    began = threading.Event()

    def come_later() -> None:
        began.set()
        with take_workplace("lab-proxy", tmp_path):
            order.append("second")

    with take_workplace("lab-proxy", tmp_path):
        thread = threading.Thread(target=come_later)
        thread.start()
        began.wait()
        with take_workplace("lab-coder", tmp_path):
            order.append("other")
        order.append("first")
    thread.join()
    assert order == ["other", "first", "second"]


def test_what_a_killed_run_left_is_cleared_and_a_run_that_goes_on_keeps_its_own(tmp_path: Path) -> None:
    left_over, outside = tmp_path / "room" / "lab-coder", tmp_path / "outside"
    left_over.mkdir(parents=True)
    outside.mkdir()
    (left_over / "secret").write_text("in the clear")
    (left_over / "link").symlink_to(outside)
    (tmp_path / "room" / "link").symlink_to(outside)
    with take_workplace("lab-proxy", tmp_path / "room") as folder:
        (folder / "file").write_text("x")
        clear_leftovers(tmp_path / "room")
        assert (folder / "file").exists()
    assert (left_over.exists(), outside.exists()) == (False, True)
    with take_workplace("lab-coder", tmp_path / "room"):
        pass


def test_it_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workplace, "_PATIENCE", 0.05)
    with (
        take_workplace("lab-proxy", tmp_path),
        pytest.raises(ControlError, match="does not end"),
        take_workplace("lab-proxy", tmp_path),
    ):
        pass


def test_the_room_is_systemds_or_one_in_memory_that_nobody_else_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    assert find_room() == tmp_path
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    room = find_room()
    assert room.is_relative_to("/dev/shm")
    assert room.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(os, "getuid", lambda: room.stat().st_uid + 1)
    monkeypatch.setattr(workplace, "Path", lambda _: room)
    with pytest.raises(ControlError, match="belongs to somebody else"):
        find_room()

"""Where labs lie, and one command at a time on each."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from homeprod.core.errors import LabError, UsageError
from homeprod.lab.folder import LabFolder, find_folder, labs_folder, list_labs, require_lab, require_up
from homeprod.lab.spec import LabSpec


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "homeprod" / "labs"


def make(name: str) -> LabFolder:
    lab = find_folder(name)
    lab.path.mkdir(parents=True)
    LabSpec(name, boot=False).write(lab.spec_file)
    return lab


def test_a_lab_lies_below_the_state_home(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_folder("p").path == state / "p"
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")  # the specification says: ignored then
    assert labs_folder() == Path.home() / ".local" / "state" / "homeprod" / "labs"


@pytest.mark.parametrize("name", ["", "../p", "P", "-p", "a b", "x" * 33])
def test_these_are_no_names(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a lab"):
        find_folder(name)


def test_only_folders_with_a_description_are_labs(state: Path) -> None:
    make("b")
    make("a")
    (state / "half-made").mkdir()
    (state / "Not-A-Lab").mkdir()
    assert [lab.name for lab in list_labs()] == ["a", "b"]


def test_an_unknown_lab_is_told_with_what_there_is() -> None:
    with pytest.raises(LabError) as caught:
        require_lab("p")
    assert "homeprod lab up p" in caught.value.hint
    make("a")
    make("b")
    with pytest.raises(LabError, match="there is no lab p") as caught:
        require_lab("p")
    assert "there are: a, b" in caught.value.hint


def test_a_lab_that_is_down_is_not_up() -> None:
    lab = make("p")
    lab.daemon_file.write_text('{"pid": 1, "url": "https://127.0.0.1:1"}')  # what a killed process left
    with pytest.raises(LabError, match="lab p is not up") as caught:
        require_up("p")
    assert "homeprod lab up p" in caught.value.hint


def test_a_broken_description_is_one_clear_error() -> None:
    lab = make("p")
    lab.spec_file.write_text('{"name": "p", "hosts": []}')
    with pytest.raises(LabError, match="cannot read the lab's description") as caught:
        lab.read_spec()
    assert "homeprod lab down p --disks" in caught.value.hint


def test_a_description_comes_back_as_it_was() -> None:
    lab = make("p")
    spec = LabSpec("p", hosts={"web": ("192.0.2.7", "2001:db8::7")}, port=8006)
    spec.write(lab.spec_file)
    assert lab.read_spec() == spec


def test_its_folder_is_private() -> None:
    lab = find_folder("p")
    with lab.lock(lambda _: None):
        assert stat.S_IMODE(lab.path.stat().st_mode) == 0o700


def test_commands_on_one_lab_take_turns() -> None:
    lab = find_folder("p")
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with lab.lock(lambda _: waits.set()):
            order.append("second")

    thread = threading.Thread(target=second)
    with lab.lock(lambda _: None):
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_folder_that_is_removed_under_the_lock_is_made_anew_by_who_waits() -> None:
    lab = find_folder("p")
    waits, found = threading.Event(), threading.Event()

    def second() -> None:
        with lab.lock(lambda _: waits.set()):
            if (lab.path / "lock").exists():
                found.set()

    thread = threading.Thread(target=second)
    with lab.lock(lambda _: None):
        thread.start()
        assert waits.wait(10)
        (lab.path / "lock").unlink()
        lab.path.rmdir()
    thread.join(10)
    assert found.is_set()


def test_a_folder_that_cannot_be_made_is_one_clear_error(state: Path) -> None:
    state.parent.mkdir()
    state.write_text("a file in the way")
    with (
        pytest.raises(LabError, match="cannot make the lab's folder") as caught,
        find_folder("p").lock(lambda _: None),
    ):
        pass
    assert "XDG_STATE_HOME" in caught.value.hint

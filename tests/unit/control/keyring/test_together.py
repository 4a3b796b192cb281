"""Several at once: changes follow each other, and a reader sees one whole state."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from tests.unit.control.keyring.faulty import FaultyDisk
from tests.unit.control.keyring.quick import OTHER, SEAN, made_keyring, quick_keyring

from homeprod.control.keyring.store import Store
from homeprod.core.errors import ControlError

PEOPLE = [f"person-{number}" for number in range(8)]


def _add(folder: Path, person: str) -> int:
    """Opens it and adds somebody, again while others were faster; how often they were."""
    keyring = quick_keyring(folder, FaultyDisk())
    for turn in range(100):
        secrets = keyring.open("sean", SEAN)
        try:
            keyring.add_administrator(secrets, person, OTHER)
        except ControlError as error:
            if error.message != "the keyring was changed since it was opened":
                raise
        else:
            return turn
    raise AssertionError("never came to its turn")


def test_no_change_undoes_another(tmp_path: Path) -> None:
    made_keyring(tmp_path)
    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        list(pool.map(_add, [tmp_path] * len(PEOPLE), PEOPLE))
    keyring = quick_keyring(tmp_path)
    assert keyring.administrators() == sorted([*PEOPLE, "sean"])
    assert {keyring.open(person, OTHER).serial for person in PEOPLE} == {1 + len(PEOPLE)}


def test_a_reader_sees_one_whole_state(tmp_path: Path) -> None:
    made_keyring(tmp_path)
    is_over = Event()

    def read() -> list[int]:
        keyring, serials = quick_keyring(tmp_path, FaultyDisk()), []
        while not is_over.is_set():
            serials.append(keyring.open("sean", SEAN).serial)
        return serials

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            keyring = quick_keyring(tmp_path, FaultyDisk())
            secrets = keyring.open("sean", SEAN)
            for _ in range(60):
                keyring.reseal(secrets)
        finally:
            is_over.set()
        seen = [reader.result() for reader in readers]
    assert all(serials == sorted(serials) for serials in seen)


def test_a_file_that_is_really_gone_is_no_endless_wait(tmp_path: Path) -> None:
    made_keyring(tmp_path)
    (tmp_path / "keyring/generation-1/recovery.pub").unlink()
    (tmp_path / "keyring/generation-1/loop").symlink_to("loop")
    assert "recovery.pub" not in Store(tmp_path / "keyring").read()


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """Where a file is in the folder's place, say."""
    (tmp_path / "keyring").write_text("")
    keyring = quick_keyring(tmp_path)
    assert not keyring.exists()
    with pytest.raises(ControlError, match="there is no keyring"):
        keyring.open("sean", SEAN)

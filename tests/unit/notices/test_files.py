"""The files of whoever watches: addresses that nobody else may read or sees, and what was told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.notice_target import TOKEN

from homeprod.core.errors import HomeprodError, UsageError
from homeprod.notices.memory import Memory, hold, read_memory, write_memory
from homeprod.notices.targets import MOST_TARGETS, Target, read_targets

URL = f"json://user:{TOKEN}@127.0.0.1:1/{TOKEN}"


def write(file: Path, text: str | bytes, mode: int = 0o600) -> Path:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(mode)
    return file


def test_an_address_a_line_each_once(tmp_path: Path) -> None:
    file = write(tmp_path / "to", f"# mine\n\n{URL}\n  json://b/  \n{URL}\n")
    assert read_targets(file) == (Target(3, URL), Target(4, "json://b/"))


def test_a_target_is_called_by_its_line_and_shows_nothing_of_its_address(tmp_path: Path) -> None:
    [target] = read_targets(write(tmp_path / "to", URL))
    assert target.name == "line 1"
    assert TOKEN not in f"{target} {target!r} {target.make_digest('00' * 16)}"
    assert target.make_digest("00" * 16) != target.make_digest("01" * 16)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UsageError, match="others can read it") as caught:
        read_targets(write(tmp_path / "to", URL, mode))
    assert "chmod 600" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_somebody_elses_file_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "to", URL)
    os.chown(file, 12345, -1)
    with pytest.raises(UsageError, match="somebody else's"):
        read_targets(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no address stands there"),
        ("# nobody\n", "no address stands there"),
        (f"{TOKEN}\n", "no address for notices"),
        (f"json://{TOKEN}\x00/\n", "no address for notices"),
        (b"\xff\xfe", "no text"),
        ("".join(f"json://h{number}/\n" for number in range(MOST_TARGETS + 1)), "more than 20 addresses"),
    ],
)
def test_what_is_no_list_of_addresses_is_refused_without_a_word_of_it(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_targets(write(tmp_path / "to", text))
    assert TOKEN not in f"{caught.value} {caught.value.hint}"


def test_a_folder_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for file, message in ((tmp_path, "no file"), (tmp_path / "pipe", "no file"), (tmp_path / "x", "cannot be read")):
        with pytest.raises(UsageError, match=message):
            read_targets(file)


def test_what_was_told_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    file, memory = tmp_path / "a" / "memory.json", Memory()
    write_memory(file, memory)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_memory(file) == memory
    assert read_memory(tmp_path / "none").targets == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"more": 1}'])
def test_a_file_that_is_no_memory_is_not_guessed_at(tmp_path: Path, text: str) -> None:
    with pytest.raises(HomeprodError, match="no memory of notices") as caught:
        read_memory(write(tmp_path / "memory.json", text))
    assert f"rm {tmp_path}/memory.json" in caught.value.hint


def test_two_looks_do_not_tell_the_same(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    with hold(file), pytest.raises(HomeprodError, match="another look for notices goes on"), hold(file):
        pass
    with hold(file):
        pass


def test_where_nothing_can_be_kept_nobody_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be kept"), hold(tmp_path / "file" / "memory.json"):
        pass
    with pytest.raises(UsageError, match="cannot be kept"):
        write_memory(tmp_path / "file" / "memory.json", Memory())

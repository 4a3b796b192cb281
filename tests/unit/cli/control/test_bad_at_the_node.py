"""What can be wrong on the node, as a person at its terminal meets it: one clear error, and nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.keyholder_node import ME, PASSPHRASE, KeyholderNode
from tests.unit.cli.control.person import Person, environment

pytestmark = pytest.mark.slow

Files = dict[str, bytes]


def read_disk(node: KeyholderNode) -> Files:
    """Every file of the data disk."""
    files = (file for file in node.places.persistent.rglob("*") if file.is_file())
    return {str(file.relative_to(node.places.persistent)): file.read_bytes() for file in sorted(files)}


def write_disk(node: KeyholderNode, files: Files) -> None:
    for name, data in files.items():
        (node.places.persistent / name).write_bytes(data)


def find(node: KeyholderNode, name: str) -> Path:
    [file] = node.places.keyring_folder.rglob(name)
    return file


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def make_newer(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": 9}))


def expect_refusal(person: Person, words: str) -> None:
    assert person.end() == 1
    assert person.seen.count("error: ") == 1
    assert words in person.seen


@pytest.mark.parametrize(
    ("name", "damage", "words", "advice"),
    [
        ("keyring.age", cut_short, "keyring.age is damaged: it is not what its checksum says", "restore a back-up"),
        ("keyring.age", flip_a_bit, "keyring.age is damaged: it is not what its checksum says", "restore a back-up"),
        (f"{ME}.age", cut_short, f"administrators/{ME}.age is damaged", "the recovery identity, may be whole"),
        (f"{ME}.age", flip_a_bit, f"administrators/{ME}.age is damaged", "the recovery identity, may be whole"),
        ("recipients.json", make_newer, "the keyring is of version 9, and this homeprod knows 2", "install that one"),
        (f"{ME}.age", Path.unlink, "nobody is left in this keyring", "the recovery identity still opens it"),
    ],
    ids=["cut", "bit", "identity-cut", "identity-bit", "newer", "nobody"],
)
def test_a_keyring_that_does_not_open_is_told_and_left_as_it_is(
    node: KeyholderNode, name: str, damage: Callable[[Path], None], words: str, advice: str
) -> None:
    node.start()
    whole = read_disk(node)
    damage(find(node, name))
    damaged = read_disk(node)
    person = Person(node, "unlock")
    person.answer("passphrase: ", PASSPHRASE)
    expect_refusal(person, words)
    assert advice in person.seen
    assert "Traceback" not in person.seen
    assert read_disk(node) == damaged
    assert node.state() == "Locked"
    write_disk(node, whole)  # as from a back-up
    person = Person(node, "unlock")
    person.answer("passphrase: ", PASSPHRASE)
    assert person.end() == 0, person.seen
    assert node.state() == "Ready"


UNFIT = [
    (b"", "the passphrase is empty"),
    (b"password1234", "the passphrase is too weak: about"),
    (b"too short", "the passphrase is too weak: 9 characters, and 12 are the least"),
    (b"sieben blaue k\xe4tzchen tanzen leise", "the passphrase is not UTF-8 text"),
]


@pytest.mark.parametrize(("typed", "words"), UNFIT, ids=["empty", "weak", "short", "latin-1"])
def test_an_unfit_passphrase_makes_no_keyring(typed: bytes, words: str) -> None:
    with KeyholderNode() as node:
        node.start()
        person = Person(node, "bootstrap")
        person.answer("new passphrase: ", typed)
        expect_refusal(person, words)  # before it is typed again
        assert (node.state(), read_disk(node)) == ("New", {})


@pytest.mark.parametrize(("typed", "words"), [UNFIT[0], UNFIT[3]], ids=["empty", "latin-1"])
def test_what_is_no_passphrase_opens_nothing(node: KeyholderNode, typed: bytes, words: str) -> None:
    node.start()
    before = read_disk(node)
    person = Person(node, "unlock")
    person.answer("passphrase: ", typed)
    expect_refusal(person, words)
    assert (node.state(), read_disk(node)) == ("Locked", before)


@pytest.mark.parametrize("verb", ["bootstrap", "unlock"])
def test_twice_is_told_before_anybody_types_and_what_is_held_stays(node: KeyholderNode, verb: str) -> None:
    node.make_ready()
    before, held = read_disk(node), node.read_agent("lab")
    person = Person(node, verb)
    assert person.end() == 1
    assert f"error: cannot {verb} a control node that is Ready" in person.seen
    assert "nothing was changed; what a node that is Ready can do: lock, restart, destroy" in person.seen
    assert "passphrase" not in person.seen
    assert (node.state(), read_disk(node), node.read_agent("lab")) == ("Ready", before, held)


@pytest.mark.parametrize("verb", ["bootstrap", "unlock"])
def test_no_terminal_changes_nothing(verb: str) -> None:
    with KeyholderNode() as node:
        node.start()
        argv = [sys.executable, "-m", "homeprod", "control", verb, "--places", str(node.places_file)]
        done = subprocess.run(
            argv, input=PASSPHRASE * 2, capture_output=True, timeout=60, start_new_session=True, env=environment()
        )
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.count(b"error: ") == 1
        assert (node.state(), read_disk(node)) == ("New", {})

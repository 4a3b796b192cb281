"""The verbs that a person types on the node: on a real terminal, to a real keyholder."""

from __future__ import annotations

import errno
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.keyholder_node import ME, PASSPHRASE, Disk, KeyholderNode
from tests.unit.cli.control.person import Person, environment

from homeprod.control.keyholder.client import KeyholderClient
from homeprod.control.keyholder.errors import AbsentKeyholderError

pytestmark = pytest.mark.slow

NEW = b"granite window teapot marble ocean"
VALUE = "the value itself"


def test_a_person_bootstraps_unlocks_and_locks() -> None:
    with KeyholderNode() as node:
        node.start()
        person = Person(node, "bootstrap")
        person.answer("new passphrase: ", PASSPHRASE)
        person.answer("once more: ", PASSPHRASE)
        identity = person.read_recovery()
        person.answer("type its last 6 characters: ", "wrong!")
        person.answer("type its last 6 characters: ", identity[-6:].lower())
        assert person.end() == 0
        for words in ("lab  SHA256:", "playbooks  SHA256:", "homeprod control publish", "  unlock"):
            assert words in person.seen
        assert identity not in person.seen
        person = Person(node, "unlock")
        person.answer("passphrase: ", PASSPHRASE)
        assert person.end() == 0
        assert "the control node is Ready" in person.seen
        assert PASSPHRASE.decode() not in person.seen
        person = Person(node, "lock")
        assert (person.end(), node.wait()) == (0, 0)
        assert "the control node is Locked" in person.seen


def test_two_passphrases_that_differ_change_nothing() -> None:
    with KeyholderNode() as node:
        node.start()
        person = Person(node, "bootstrap")
        person.answer("new passphrase: ", PASSPHRASE)
        person.answer("once more: ", NEW)
        assert person.end() == 1
        assert "the two passphrases differ; nothing was done" in person.seen
        assert node.state() == "New"


def test_an_interrupted_prompt_gives_the_terminal_back(node: KeyholderNode) -> None:
    node.start()
    person = Person(node, "unlock")
    person.interrupt("passphrase: ")
    assert person.end() == 130
    assert node.state() == "Locked"


def test_a_wrong_passphrase_may_be_typed_again_twice(node: KeyholderNode) -> None:
    node.start()
    person = Person(node, "unlock")
    for _ in range(3):
        person.answer("passphrase: ", NEW)
    assert person.end() == 1
    assert f"this is not the passphrase of {ME}; it can be typed 2 times more" in person.seen
    assert f"error: this is not the passphrase of {ME}" in person.seen
    assert node.state() == "Locked"
    person = Person(node, "unlock")
    person.answer("passphrase: ", NEW)
    person.answer("passphrase: ", PASSPHRASE)
    assert person.end() == 0
    assert node.state() == "Ready"


def test_what_is_wrong_is_told_before_the_next_question(node: KeyholderNode) -> None:
    """A passphrase three times, a new one that is weak before it is typed again, a name before any passphrase."""
    node.start()
    for words in ("admin passphrase", "admin add sean"):
        person = Person(node, words)
        for _ in range(3):
            person.answer("your passphrase: ", NEW)
        assert person.end() == 1
        assert f"error: this is not the passphrase of {ME}" in person.seen
    person = Person(node, "admin passphrase")
    person.answer("your passphrase: ", PASSPHRASE)
    person.answer("new passphrase: ", "too short")
    assert person.end() == 1
    assert "error: the passphrase is too weak" in person.seen
    assert "once more" not in person.seen
    assert call(node, "admin list").split() == [ME]


@pytest.mark.parametrize(
    ("words", "error", "step"),
    [
        (f"admin add {ME}", f"{ME} is an administrator of this keyring already", f"admin add {ME} --replace"),
        ("admin add Sean!", "'Sean!' cannot be an administrator's name", "small letters"),
        ("admin remove snea", "snea is no administrator of this keyring", f"those who are: {ME}"),
        ("secret rotate lab/ssh-kye", "the keyring has no secret lab/ssh-kye", "is lab/ssh-key meant?"),
        ("secret rotate all-of-it --finish", "the keyring has no secret all-of-it", "or all, or recovery"),
    ],
)
def test_a_name_that_does_not_fit_is_told_before_anybody_types(
    node: KeyholderNode, words: str, error: str, step: str
) -> None:
    node.start()
    person = Person(node, words)
    assert person.end() == 1
    assert f"error: {error}" in person.seen
    assert step in person.seen
    assert "passphrase: " not in person.seen


def test_a_recovery_identity_is_checked_before_a_passphrase_is_asked_for(node: KeyholderNode) -> None:
    node.start()
    person = Person(node, "recover")
    person.answer("recovery identity (AGE-SECRET-KEY-…): ", b"AGE-SECRET-KEY-1MISTYPED")
    assert person.end() == 1
    assert "error: this is no recovery identity, or it is mistyped" in person.seen
    assert "new passphrase" not in person.seen


def test_a_socket_that_is_just_made_anew_is_waited_for(tmp_path: Path) -> None:
    """systemd makes it as root's alone, and gives it to its group just after."""
    calls = []

    class Reluctant(socket.socket):
        def connect(self, address: object, /) -> None:
            calls.append(address)
            if len(calls) < 3:
                raise PermissionError(errno.EACCES, "Permission denied")
            raise ConnectionRefusedError(errno.ECONNREFUSED, "it was asked again")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("homeprod.control.keyholder.client.socket.socket", Reluctant)
        with pytest.raises(AbsentKeyholderError, match="it was asked again"):
            KeyholderClient(tmp_path / "socket", patience=0.3).ask("status")
    assert len(calls) > 2


def test_a_socket_that_stays_somebody_elses_is_told(tmp_path: Path) -> None:
    class Refusing(socket.socket):
        def connect(self, _: object, /) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("homeprod.control.keyholder.client.socket.socket", Refusing)
        with pytest.raises(AbsentKeyholderError, match="the keyholder's socket is not for you"):
            KeyholderClient(tmp_path / "socket", patience=0.1).ask("status")


@pytest.mark.parametrize(("verb", "state"), [("bootstrap", "Locked"), ("lock", "Locked")])
def test_what_does_not_fit_the_state_is_told_before_anybody_types(node: KeyholderNode, verb: str, state: str) -> None:
    node.start()
    person = Person(node, verb)
    assert person.end() == 1
    assert f"error: cannot {verb} a control node that is {state}" in person.seen
    assert "passphrase" not in person.seen


def test_a_machine_made_again_asks_for_no_passphrase(node: KeyholderNode) -> None:
    node.machine_file.write_text("fedcba9876543210fedcba9876543210\n")
    node.start()
    person = Person(node, "bootstrap")
    assert person.end() == 0
    assert "taken over" in person.seen
    assert node.state() == "Locked"


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("unlock", "unlock"),
        ("bootstrap", "bootstrap"),
        ("admin passphrase", "homeprod control admin passphrase"),
        ("admin add ann --replace", "homeprod control admin add ann --replace"),
        ("secret rotate lab/ssh-key", "homeprod control secret rotate lab/ssh-key"),
        ("recover", "homeprod control recover"),
    ],
)
def test_without_a_terminal_nothing_is_asked(node: KeyholderNode, words: str, call: str) -> None:
    """And what was called is what is to be typed where there is one."""
    node.start()
    argv = [sys.executable, "-m", "homeprod", "control", *words.split(), "--places", str(node.places_file)]
    done = subprocess.run(
        argv, input=PASSPHRASE + b"\n", capture_output=True, timeout=60, start_new_session=True, env=environment()
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"there is no terminal to type a passphrase on" in done.stderr
    assert f"  ssh -t NODE {call} --places {node.places_file}\n".encode() in done.stderr


def test_without_a_keyholder_the_next_step_is_told(node: KeyholderNode) -> None:
    with pytest.raises(AbsentKeyholderError, match="the keyholder does not answer: No such file") as caught:
        KeyholderClient(node.places.keyholder_socket, patience=0).ask("lock")
    assert "systemctl status homeprod-keyholder" in caught.value.hint


def call(node: KeyholderNode, words: str, given: str = "") -> str:
    """Without a terminal, as in a pipe."""
    argv = [sys.executable, "-m", "homeprod", "control", *words.split(), "--places", str(node.places_file)]
    done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=60, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_yaml(text: str) -> dict[str, str]:
    """As Ansible would, which has the tag `!vault` of its own."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))
    return dict(yaml.load(text, Loader))  # noqa: S506 (a SafeLoader it is)


def test_vault_text_is_made_and_rekeyed_in_a_pipe(node: KeyholderNode) -> None:
    node.make_ready()
    text = call(node, "secret encrypt lab --name db_secret", VALUE)
    assert text.startswith("db_secret: !vault |\n  $ANSIBLE_VAULT;1.2;AES256;lab\n  ")
    assert read_yaml(text)["db_secret"].startswith("$ANSIBLE_VAULT;1.2;AES256;lab\n")
    person = Person(node, "secret rotate lab/vault-password")
    person.answer("your passphrase: ", PASSPHRASE)
    assert person.end() == 0
    assert "homeprod control secret rotate lab/vault-password --finish" in person.seen
    file = f"plain: as it was\n{text}after: too\n"
    rekeyed = call(node, "secret rekey lab", file)
    pattern = re.compile(r"plain: as it was\ndb_secret: !vault \|\n(  [^\n]+\n)+after: too\n")
    assert pattern.fullmatch(rekeyed)
    assert rekeyed != file


def test_an_ssh_key_takes_its_place_when_a_person_says_that_the_hosts_know_it(node: KeyholderNode) -> None:
    node.make_ready()
    person = Person(node, "secret rotate lab/ssh-key")
    person.answer("your passphrase: ", PASSPHRASE)
    assert person.end() == 0
    person = Person(node, "secret rotate lab/ssh-key --finish")
    person.answer("does every machine of lab let the new key in? [yes/no] ", "no")
    assert person.end() == 1
    assert "is locked out" in person.seen
    assert "declined; nothing was done" in person.seen
    for words, answer in (("", "yes"), (" --yes", None)):
        person = Person(node, f"secret rotate lab/ssh-key --finish{words}")
        if answer is not None:
            person.answer("does every machine of lab let the new key in? [yes/no] ", answer)
        person.answer("your passphrase: ", PASSPHRASE)
        assert person.end() == (0 if answer is not None else 1)
    assert "no rotation of lab/ssh-key has been begun" in person.seen


def test_a_value_is_typed_without_echo(node: KeyholderNode) -> None:
    node.make_ready()
    person = Person(node, "secret encrypt lab")
    person.answer("the value: ", VALUE.encode())
    assert person.end() == 0
    assert "$ANSIBLE_VAULT;1.2;AES256;lab" in person.seen
    assert VALUE not in person.seen


def test_administrators_come_and_go(node: KeyholderNode) -> None:
    node.start()
    person = Person(node, "admin add sean")
    person.answer("your passphrase: ", PASSPHRASE)
    person.answer("passphrase of sean, typed by them: ", NEW)
    person.answer("once more: ", NEW)
    assert person.end() == 0
    assert call(node, "admin list").split() == sorted([ME, "sean"])
    person = Person(node, "admin remove sean")
    person.answer("your passphrase: ", PASSPHRASE)
    assert person.end() == 0
    assert "lab/vault-password" in person.seen
    assert call(node, "admin list").split() == [ME]


def test_a_lost_passphrase_is_replaced_with_the_paper(node: KeyholderNode, disk: Disk) -> None:
    node.start()
    person = Person(node, "recover")
    person.answer("recovery identity (AGE-SECRET-KEY-…): ", disk.identity)
    person.answer("new passphrase: ", NEW)
    person.answer("once more: ", NEW)
    assert person.end() == 0
    person = Person(node, "secret rotate recovery")
    person.answer("your passphrase: ", NEW)
    identity = person.read_recovery()
    person.answer("type its last 6 characters: ", identity[-6:])
    assert person.end() == 0
    assert identity != disk.identity.decode()

"""The programs of a control node, answered on a terminal of their own: the real ones, with a real keyholder."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator

import pytest
from tests.keyholder_node import ME, KeyholderNode

from homeprod.core.errors import ControlError
from homeprod.rehearsal.dialogue import Dialogue
from homeprod.rehearsal.node import answer_bootstrap, answer_passphrase

PASSPHRASE = "a1b2c3-d4e5f6-a7b8c9-d0e1f2-a3b4c5"


def call(node: KeyholderNode, verb: str) -> list[str]:
    """script(1) gives it a terminal, as sshd does for `ssh -tt`."""
    argv = [sys.executable, "-m", "homeprod", "control", verb, "--places", str(node.places_file)]
    argv += ["--administrator", ME]
    return ["script", "--quiet", "--return", "--command", shlex.join(argv), "/dev/null"]


@pytest.fixture
def new() -> Iterator[KeyholderNode]:
    """Without a keyring."""
    with KeyholderNode() as node:
        yield node.start()


def test_a_new_node_is_bootstrapped_and_unlocked(new: KeyholderNode) -> None:
    with Dialogue(call(new, "bootstrap"), "bootstrap") as program:
        answer_bootstrap(program, PASSPHRASE)
    assert new.client.ask("status").fields["state"] == "Locked"
    with Dialogue(call(new, "unlock"), "unlock") as program:
        answer_passphrase(program, PASSPHRASE)
    assert new.client.ask("status").fields["state"] == "Ready"


def test_what_goes_otherwise_is_told_in_the_programs_words(new: KeyholderNode) -> None:
    with Dialogue(call(new, "unlock"), "unlock", limit=20) as program, pytest.raises(ControlError) as caught:
        answer_passphrase(program, PASSPHRASE)
    assert caught.value.message.startswith("unlock: it ended with 1: ")
    assert "cannot unlock a control node that is New" in caught.value.message


def test_a_program_that_says_nothing_is_given_up_and_does_not_stay() -> None:
    with Dialogue(["sleep", "60"], "sleep", limit=0.2) as program, pytest.raises(ControlError) as caught:
        program.expect("anything")
    assert caught.value.message == "sleep: nothing came of it for 0 s"
    assert program._process.returncode is not None


def test_no_recovery_identity_is_in_an_error() -> None:
    script = "echo AGE-SECRET-KEY-1QQQQ; exit 3"
    with Dialogue(["sh", "-c", script], "bootstrap") as program, pytest.raises(ControlError) as caught:
        program.finish()
    assert caught.value.message == "bootstrap: it ended with 3: …"

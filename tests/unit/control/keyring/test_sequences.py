"""Drawn sequences of all that can be done to a keyring: just those open it who should, and find what is in it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.control.keyring.faulty import FaultyDisk
from tests.unit.control.keyring.quick import PASSPHRASES, quick_keyring

from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.secrets import Secrets, make_secrets
from homeprod.core.errors import ControlError

PEOPLE = st.sampled_from(sorted(PASSPHRASES))
WORDS = st.sampled_from(sorted(PASSPHRASES.values()))
SECRETS = st.sampled_from(["lab/ssh-key", "lab/vault-password", "deploy/vault", "all"])
EXAMPLES = int(os.environ.get("HOMEPROD_KEYRING_SEQUENCES", "15"))
"""1,000 in `make soak`."""


@dataclass
class Model:
    """What should be so: who opens it with which passphrase, with which recovery identity, and what they find."""

    people: dict[str, bytes] = field(default_factory=dict)
    recovery: str = ""
    values: dict[str, bytes] = field(default_factory=dict)
    waiting: dict[str, bytes] = field(default_factory=dict)
    serial: int = 0

    def copy(self) -> Model:
        return Model(dict(self.people), self.recovery, dict(self.values), dict(self.waiting), self.serial)


class Life(RuleBasedStateMachine):
    """Of one keyring; ``held`` are the secrets that a keyholder would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.folder = Path(self.home.name)
        self.model = Model()
        self.backed_up: Model | None = None
        self.identities: set[str] = set()
        """Recovery identities that open nothing any more, at least for now."""

    def keyring(self) -> Keyring:
        """Another object each time: nothing is remembered but by the disk and the secrets held."""
        return quick_keyring(self.folder, FaultyDisk())

    @initialize(person=PEOPLE)
    def create(self, person: str) -> None:
        self.held = make_secrets("lab-ansible", ["lab"])
        self.model.recovery = self.keyring().create(self.held, person, PASSPHRASES[person])
        self.model.people = {person: PASSPHRASES[person]}
        self._note()

    def _note(self) -> None:
        """What a change made; that it is what should be is checked from the disk, afterwards."""
        self.model.values = {name: bytes(self.held.reveal(name)) for name in self.held.names()}
        self.model.waiting = {name: bytes(self.held.reveal_next(name) or b"") for name in self.held.pending()}
        self.model.serial += 1

    @rule(person=PEOPLE, words=WORDS, replaces=st.booleans())
    def add(self, person: str, words: bytes, replaces: bool) -> None:
        if person in self.model.people and not replaces:
            with pytest.raises(ControlError, match="already"):
                self.keyring().add_administrator(self.held, person, words)
            return
        self.keyring().add_administrator(self.held, person, words, replaces=replaces)
        self.model.people[person] = words
        self._note()

    @rule(person=PEOPLE)
    def remove(self, person: str) -> None:
        if set(self.model.people) <= {person} or person not in self.model.people:
            with pytest.raises(ControlError, match=r"last administrator|no administrator"):
                self.keyring().remove_administrator(self.held, person)
            return
        assert self.keyring().remove_administrator(self.held, person) == list(self.model.values)
        del self.model.people[person]
        self._note()

    @rule(person=PEOPLE, words=WORDS)
    def change_passphrase(self, person: str, words: bytes) -> None:
        if person not in self.model.people:
            return
        self.held = self.keyring().change_passphrase(person, self.model.people[person], words)
        self.model.people[person] = words
        self._note()

    @rule(what=SECRETS)
    def rotate(self, what: str) -> None:
        before = dict(self.model.values)
        self.keyring().rotate(self.held, what)
        self._note()
        assert self.model.values == before
        assert set(self.model.waiting) >= ({what} if what != "all" else set(before))
        assert not {*self.model.waiting.values()} & {*before.values()}

    @rule(what=SECRETS, is_taken=st.booleans())
    def settle(self, what: str, is_taken: bool) -> None:
        chosen = {name: value for name, value in self.model.waiting.items() if what in (name, "all")}
        keyring = self.keyring()
        verb = keyring.finish_rotation if is_taken else keyring.drop_rotation
        if not chosen:
            with pytest.raises(ControlError, match="no rotation of"):
                verb(self.held, what)
            return
        expected = {**self.model.values, **(chosen if is_taken else {})}
        verb(self.held, what)
        self._note()
        assert self.model.values == expected
        assert not chosen.keys() & self.model.waiting.keys()

    @rule()
    def renew_recovery(self) -> None:
        self.identities.add(self.model.recovery)
        self.model.recovery = self.keyring().renew_recovery(self.held)
        self._note()

    @rule()
    def back_up(self) -> None:
        self.keyring().back_up(self.folder / "back-up.tar")
        self.backed_up = self.model.copy()

    @precondition(lambda self: self.backed_up is not None)
    @rule(is_forced=st.booleans())
    def restore(self, is_forced: bool) -> None:
        assert self.backed_up is not None
        if self.backed_up.serial < self.model.serial and not is_forced:
            with pytest.raises(ControlError, match="the back-up is older"):
                self.keyring().restore(self.folder / "back-up.tar")
            return
        assert (
            self.keyring().restore(self.folder / "back-up.tar", is_forced=is_forced).serial == self.backed_up.serial
        )
        self.identities = (self.identities | {self.model.recovery}) - {self.backed_up.recovery}
        self.model = self.backed_up.copy()
        self.held = self._open_any()

    def _open_any(self) -> Secrets:
        person, words = min(self.model.people.items())
        return self.keyring().open(person, words)

    @invariant()
    def just_those_open_it_who_should(self) -> None:
        if not self.model.people:
            return
        assert self.keyring().administrators() == sorted(self.model.people)
        for person in PASSPHRASES:
            for words in PASSPHRASES.values():
                if self.model.people.get(person) == words:
                    self._check(self.keyring().open(person, words))
                else:
                    with pytest.raises(ControlError, match=r"not the passphrase|no administrator"):
                        self.keyring().open(person, words)
        self._check(self.keyring().open_with_identity(self.model.recovery))
        for identity in self.identities:
            with pytest.raises(ControlError, match="does not open the keyring"):
                self.keyring().open_with_identity(identity)

    def _check(self, opened: Secrets) -> None:
        assert opened.serial == self.model.serial
        assert {name: bytes(opened.reveal(name)) for name in opened.names()} == self.model.values
        assert {name: bytes(opened.reveal_next(name) or b"") for name in opened.pending()} == self.model.waiting

    def teardown(self) -> None:
        self.home.cleanup()


TestLife = pytest.mark.timeout(max(120, EXAMPLES * 10))(Life.TestCase)
TestLife.settings = settings(max_examples=EXAMPLES, stateful_step_count=12, deadline=None)

"""The stand-in of the control node: bootstrapped, published and unlocked as a person does it, by a generated one."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from homeprod.control.places import Places
from homeprod.core.errors import ControlError, UnreachableError
from homeprod.drivers.doorbell import Doorbell
from homeprod.drivers.signer import open_signer
from homeprod.engine.ports import Hypervisor
from homeprod.promotion.role import SEALED
from homeprod.rehearsal.dialogue import Dialogue
from homeprod.rehearsal.lab import Say, StandInLab
from homeprod.rehearsal.runs import await_state
from homeprod.rehearsal.standin import PLAYBOOKS, VAULT
from homeprod.site.configured import list_environments, name_key
from homeprod.site.site import Site
from homeprod.wiring.controlnode import read_node_file
from homeprod.wiring.doorbell import open_doorbell

_PUBLIC = str(Places().public_file)
_RECOVERY = r"AGE-SECRET-KEY-1[0-9A-Z]+"
_SHOWN = 6
"""Characters of the recovery identity that are typed back."""
_WORDS = 5
_SEALING = (
    "while read -r value; do"
    ' printf %s "$value" | base64 -d | homeprod control secret encrypt {environment} || exit; echo --;'
    " done"
)
"""On the node, a value a line."""


def _make_passphrase() -> str:
    return "-".join(secrets.token_hex(3) for _ in range(_WORDS))


def answer_bootstrap(program: Dialogue, passphrase: str) -> None:
    """As a person does who writes the recovery identity on paper; here it is good for nothing, and kept nowhere."""
    for prompt in ("new passphrase: ", "once more: "):
        program.expect(prompt)
        program.send(passphrase)
    recovery = program.expect(_RECOVERY)[0]
    program.expect("characters: ")
    program.send(recovery[-_SHOWN:])
    program.finish()


def answer_passphrase(program: Dialogue, passphrase: str) -> None:
    """For unlock, and whatever else asks for it once."""
    program.expect("passphrase: ")
    program.send(passphrase)
    program.finish()


@dataclass
class StandInNode:
    """``name`` is the control node's, ``person`` its one administrator. The passphrase is made here, kept in memory,
    and good for nothing else."""

    lab: StandInLab
    site: Site
    hypervisor: Hypervisor
    name: str
    person: str
    say: Say
    passphrase: str = field(default_factory=_make_passphrase, repr=False)

    def bring_up(self) -> Site:
        """New → Locked → Ready; the site with the keys that its machines let in. Raises ControlError."""
        await_state(self._read_state, ("New",), self.say)
        self._bootstrap()
        public = self._read_public()
        for repository, key in ((PLAYBOOKS, "playbooks"), (VAULT, "vault")):
            self.lab.store.authorize(repository, public["deploy"][key])
        self.lab.serve_repositories()
        await_state(self._read_state, ("Locked",), self.say)
        self._unlock()
        await_state(self._read_state, ("Ready",), self.say)
        keys = {name_key(one): public["environments"][one.name] for one in list_environments(self.site, self.name)}
        self.site = replace(self.site, control_keys=keys)
        return self.site

    def open_door(self) -> Doorbell:
        """Signed by the rehearsal's person. Raises UnreachableError."""
        control = next(iter(self._list_administrator_keys()))
        signer = open_signer(
            {control: self.person}, [self.lab.lab.keys / self.person], "", outside=self.lab.scratch / "site"
        )
        return open_doorbell(self.site, self.hypervisor, self.name, signer, lab=self.lab.name)

    def make_authority(self, environment: str, zones: Sequence[str]) -> None:
        """It signs for certificates that a public one signs at home. Raises ControlError."""
        words = f"homeprod control authority make --yes {environment} {' '.join(zones)}"
        with self._speak(words, "making the authority") as program:
            answer_passphrase(program, self.passphrase)

    def seal(self, environment: str, values: Sequence[bytes]) -> Mapping[bytes, str]:
        """Vault text by value, with the environment's own password, which stays there. Raises ControlError."""
        if not values:
            return {}
        given = "".join(f"{base64.b64encode(value).decode()}\n" for value in values)
        said = self.lab.run_in(self.name, self.person, _SEALING.format(environment=environment), given)
        texts = [text.strip() for text in said.split("\n--")][: len(values)]
        if len(texts) != len(values) or not all(text.startswith(SEALED.decode()) for text in texts):
            raise ControlError("the stand-in of the control node seals nothing", where=self.name)
        return dict(zip(values, texts, strict=True))

    def _bootstrap(self) -> None:
        self.say("bootstrapping the control node's stand-in")
        with self._speak("bootstrap", "bootstrap") as program:
            answer_bootstrap(program, self.passphrase)

    def _unlock(self) -> None:
        self.say("unlocking it")
        with self._speak("unlock", "unlock") as program:
            answer_passphrase(program, self.passphrase)

    @contextmanager
    def _speak(self, words: str, what: str) -> Iterator[Dialogue]:
        argv = self.lab.make_login(self.name, self.person, [words], has_terminal=True)
        with Dialogue(argv, f"{self.name}: {what}") as program:
            yield program

    def _read_state(self) -> str:
        door = open_doorbell(self.site, self.hypervisor, self.name, None, lab=self.lab.name)
        return str(door.status()["state"])

    def _read_public(self) -> Any:
        text = read_node_file(self.site, self.hypervisor, self.name, _PUBLIC)
        if text is None:
            raise UnreachableError("it has no keys, though it was bootstrapped", where=f"vm/{self.name}")
        return json.loads(text)

    def _list_administrator_keys(self) -> Iterator[str]:
        machine = self.site.machines[self.name].machine
        for person in getattr(machine, "people", ()):
            if person.name == self.person:
                yield from person.keys

"""Whatever breaks at whatever operation of a change, the keyring opens, as the old or as the new, and goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.unit.control.keyring.faulty import FAULTS, REFUSED, FaultyDisk, PowerCut
from tests.unit.control.keyring.quick import ANNA, OTHER, SEAN, quick_keyring

from homeprod.control.keyring.disk import Disk
from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.secrets import Secrets, make_secrets
from homeprod.core.errors import ControlError

STRIDE = int(os.environ.get("HOMEPROD_KEYRING_STRIDE", "16"))
"""1 in `make soak`: every operation of every verb."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 if STRIDE > 1 else 3600)]


@dataclass(frozen=True)
class Verb:
    """``prepare`` brings the keyring of sean and anna to where the verb can be said; ``act`` says it; ``is_new`` is
    whether it has been done."""

    name: str
    act: Callable[[Keyring, Secrets, Path], object]
    is_new: Callable[[Keyring, Secrets], bool]
    prepare: Callable[[Keyring, Secrets], object] = lambda _keyring, _secrets: None


VERBS = [
    Verb("add", lambda k, s, _: k.add_administrator(s, "bob", OTHER), lambda k, _: _opens(k, "bob", OTHER)),
    Verb(
        "replace",
        lambda k, s, _: k.add_administrator(s, "anna", OTHER, replaces=True),
        lambda k, _: _opens(k, "anna", OTHER),
    ),
    Verb("remove", lambda k, s, _: k.remove_administrator(s, "anna"), lambda k, _: "anna" not in k.administrators()),
    Verb(
        "change passphrase",
        lambda k, _, __: k.change_passphrase("anna", ANNA, OTHER),
        lambda k, _: _opens(k, "anna", OTHER),
    ),
    Verb("renew recovery", lambda k, s, _: k.renew_recovery(s), lambda _, s: s.serial == 3),
    Verb("add environment", lambda k, s, _: k.add_environment(s, "test"), lambda _, s: "test" in s.environments),
    Verb("rotate", lambda k, s, _: k.rotate(s, "all"), lambda _, s: len(s.pending()) == 6),
    Verb(
        "finish rotation",
        lambda k, s, _: k.finish_rotation(s, "all"),
        lambda _, s: not s.pending(),
        prepare=lambda k, s: k.rotate(s, "all"),
    ),
    Verb("reseal", lambda k, s, _: k.reseal(s), lambda _, s: s.serial == 3),
    Verb(
        "restore",
        lambda k, _, folder: k.restore(folder / "back-up.tar", is_forced=True),
        lambda _, s: s.serial == 2,
        prepare=lambda k, s: k.reseal(s),
    ),
]


def _healthy(folder: Path) -> Keyring:
    """On a disk that syncs nothing in earnest, which would take most of the time."""
    return quick_keyring(folder, FaultyDisk())


def _opens(keyring: Keyring, person: str, passphrase: bytes) -> bool:
    try:
        keyring.open(person, passphrase)
    except ControlError:
        return False
    return True


def _prepare(folder: Path, verb: Verb) -> None:
    """sean's and anna's keyring, a back-up of it, and what the verb needs."""
    folder.mkdir()
    keyring, secrets = _healthy(folder), make_secrets("lab-ansible", ["lab", "prod"])
    keyring.create(secrets, "sean", SEAN)
    keyring.add_administrator(secrets, "anna", ANNA)
    keyring.back_up(folder / "back-up.tar")
    verb.prepare(keyring, secrets)


def _try(disk: FaultyDisk, act: Callable[[Keyring], object], folder: Path) -> None:
    try:
        act(quick_keyring(folder, disk))
    except PowerCut:
        return
    except ControlError as error:
        if disk.fault != REFUSED or "No space left on device" not in error.message:
            raise


def _sweep(
    template: Path,
    folder: Path,
    act: Callable[[Keyring], object],
    check: Callable[[FaultyDisk], None],
    start: int = 0,
) -> int:
    """Every fault before and after the effects of every STRIDE-th operation; how many those were. All verbs write in
    the same way, so that each from another ``start`` tries together all of it."""
    tried = 0
    for number, fault in enumerate(FAULTS):
        for is_after in (False, True):
            for at in range((start + 5 * number) % STRIDE, 1000, STRIDE):
                shutil.copytree(template, folder)
                disk = FaultyDisk(at, fault, is_after)
                _try(disk, act, folder)
                check(disk)
                shutil.rmtree(folder)
                if disk.count <= at:  # the operations had ended before
                    break
                tried += 1
    return tried


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_change_is_made_or_not(tmp_path: Path, verb: Verb, figure: Figure) -> None:
    template, folder = tmp_path / "template", tmp_path / "tried"
    _prepare(template, verb)
    old = _healthy(template).open("sean", SEAN).content.render().reveal()
    seen = {"old": 0, "new": 0}

    def act(keyring: Keyring) -> None:
        verb.act(keyring, _healthy(folder).open("sean", SEAN), folder)

    def check(disk: FaultyDisk) -> None:
        keyring = _healthy(folder)
        secrets = keyring.open("sean", SEAN)
        is_new = verb.is_new(keyring, secrets)
        assert is_new or secrets.content.render().reveal() == old
        seen["new" if is_new else "old"] += 1
        left = [file.name for file in (folder / "keyring").iterdir() if not file.match("replaced-*.tar")]
        assert len(left) == 1, "leftovers are cleared by opening"
        if not is_new:
            verb.act(keyring, secrets, folder)
        assert verb.is_new(keyring, keyring.open("sean", SEAN))

    tried = _sweep(template, folder, act, check, start=VERBS.index(verb))
    assert min(seen.values()) > 0
    figure(f"keyring, {verb.name}: {tried} faults, {seen['old']} left the old, {seen['new']} the new")


def test_a_creation_is_made_or_not(tmp_path: Path) -> None:
    template, folder = tmp_path / "template", tmp_path / "tried"
    template.mkdir()
    seen = set()

    def act(keyring: Keyring) -> None:
        keyring.create(make_secrets("lab-ansible", ["lab"]), "sean", SEAN)

    def check(disk: FaultyDisk) -> None:
        keyring = _healthy(folder)
        is_there = keyring.exists()
        if disk.fault == REFUSED:
            assert is_there == (disk.count <= disk.at), "refused, and there all the same"
        seen.add(is_there)
        if not is_there:
            act(keyring)
        assert keyring.open("sean", SEAN).serial == 1

    _sweep(template, folder, act, check)
    assert seen == {False, True}


def test_a_back_up_is_the_old_or_the_new(tmp_path: Path) -> None:
    template, folder = tmp_path / "template", tmp_path / "tried"
    _prepare(template, VERBS[0])
    keyring = _healthy(template)
    keyring.reseal(keyring.open("sean", SEAN))

    def check(disk: FaultyDisk) -> None:
        other = Path(shutil.copytree(folder, tmp_path / "other"))
        serials = {_healthy(other).restore(folder / "back-up.tar", is_forced=True).serial}
        assert serials <= {2, 3}
        _healthy(folder).back_up(folder / "back-up.tar")
        assert sorted(path.name for path in folder.iterdir()) == ["back-up.tar", "keyring"]
        shutil.rmtree(other)

    _sweep(template, folder, lambda keyring: keyring.back_up(folder / "back-up.tar"), check)


def test_after_a_refusal_the_same_secrets_go_on(tmp_path: Path) -> None:
    """The keyholder holds them for months; a disk that was full once must not make them stale."""
    template, folder = tmp_path / "template", tmp_path / "tried"
    _prepare(template, VERBS[0])
    for is_after in (False, True):
        for at in range(0, 1000, max(STRIDE // 2, 1)):
            shutil.copytree(template, folder)
            secrets = _healthy(folder).open("sean", SEAN)
            disk = FaultyDisk(at, REFUSED, is_after)
            _try(disk, lambda keyring: keyring.reseal(secrets), folder)  # noqa: B023
            _healthy(folder).add_administrator(secrets, "bob", OTHER)
            assert _healthy(folder).open("bob", OTHER).serial == secrets.serial
            shutil.rmtree(folder)
            if disk.count <= at:
                break


def test_the_real_disk_is_one_that_the_faulty_one_stands_for(tmp_path: Path) -> None:
    verbs = {name for name in vars(Disk) if not name.startswith("_")}
    assert verbs == {name for name in vars(FaultyDisk) if not name.startswith("_")} - set(FaultyDisk.__annotations__)

"""Damaged, foreign, newer and empty keyrings and back-ups: each one clear error, and nothing changed."""

from __future__ import annotations

import contextlib
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.control.keyring.quick import ANNA, OTHER, SEAN, made_keyring, quick_keyring

from homeprod.control.keyring.content import parse_content
from homeprod.control.keyring.errors import DamagedKeyringError, NewerKeyringError, WrongPassphraseError
from homeprod.control.keyring.hidden import Hidden
from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.secrets import make_secrets
from homeprod.core.errors import ControlError

NAMES = ["keyring.age", "administrators/sean.age"]


def _folder(tmp_path: Path) -> Path:
    return tmp_path / "keyring" / "generation-1"


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_byte_is_damage_and_no_wrong_passphrase(tmp_path: Path, name: str) -> None:
    keyring, _, _ = made_keyring(tmp_path)
    file = _folder(tmp_path) / name
    whole = file.read_bytes()
    for place in range(0, len(whole), 11):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(DamagedKeyringError, match=f"{name} is damaged: it is not what its checksum says"):
            keyring.open("sean", SEAN)


@pytest.mark.parametrize("name", NAMES)
def test_every_cut_is_damage(tmp_path: Path, name: str) -> None:
    keyring, _, _ = made_keyring(tmp_path)
    file = _folder(tmp_path) / name
    whole = file.read_bytes()
    for length in range(0, len(whole), 37):
        file.write_bytes(whole[:length])
        with pytest.raises(DamagedKeyringError, match=f"{name} is damaged"):
            keyring.open("sean", SEAN)
    file.write_bytes(whole + b"\n")
    with pytest.raises(DamagedKeyringError, match=f"{name} is damaged"):
        keyring.open("sean", SEAN)


@pytest.mark.slow
def test_scrypt_too_tells_damage_from_a_wrong_passphrase(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keyring")
    keyring.create(make_secrets("lab-ansible", ["lab"]), "sean", SEAN)
    file = _folder(tmp_path) / "administrators/sean.age"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(DamagedKeyringError, match=r"sean\.age is damaged"):
        keyring.open("sean", SEAN)
    work = whole.split(b"\n")[1].rsplit(b" ", 1)[1]
    file.write_bytes(whole.replace(b" " + work + b"\n", b" 40\n", 1))
    with pytest.raises(ControlError, match="this machine is too slow, or too busy"):
        keyring.open("sean", SEAN)


@pytest.mark.parametrize("name", NAMES)
def test_a_checksum_alone_locks_nobody_out(tmp_path: Path, name: str) -> None:
    """age says itself whether a file is whole; the checksum only says why one does not open."""
    keyring, _, _ = made_keyring(tmp_path)
    checksum = _folder(tmp_path) / f"{name}.sha256"
    for words in (b"", b"\xff\xfe", b"0" * 64 + b"  " + name.encode() + b"\n"):
        checksum.write_bytes(words)
        assert keyring.open("sean", SEAN).serial == 1
    checksum.unlink()
    assert keyring.open("sean", SEAN).serial == 1
    with pytest.raises((DamagedKeyringError, WrongPassphraseError)) as caught:
        keyring.open("sean", ANNA)
    if "administrators" in name:
        assert "without its checksum nobody can say whether it is damaged" in caught.value.message


def test_ones_damaged_identity_keeps_nobody_else_out(tmp_path: Path) -> None:
    """And a change does not vouch for it with a new checksum."""
    keyring, secrets, _ = made_keyring(tmp_path)
    keyring.add_administrator(secrets, "anna", ANNA)
    file = tmp_path / "keyring/generation-2/administrators/sean.age"
    file.write_bytes(file.read_bytes()[:-3])
    keyring.rotate(keyring.open("anna", ANNA), "deploy/vault")
    with pytest.raises(DamagedKeyringError, match=r"sean\.age is damaged"):
        keyring.open("sean", SEAN)
    keyring.add_administrator(keyring.open("anna", ANNA), "sean", OTHER, replaces=True)
    assert keyring.open("sean", OTHER).pending() == ["deploy/vault"]


def test_what_is_gone_is_named(tmp_path: Path) -> None:
    keyring, secrets, recovery = made_keyring(tmp_path)
    keyring.back_up(tmp_path / "back-up.tar")
    (_folder(tmp_path) / "keyring.age").unlink()
    with pytest.raises(DamagedKeyringError, match=r"keyring\.age is gone"):
        keyring.open("sean", SEAN)
    with pytest.raises(DamagedKeyringError, match=r"keyring\.age is gone"):
        keyring.open_with_identity(recovery)
    with pytest.raises(DamagedKeyringError, match=r"keyring\.age is gone"):
        keyring.back_up(tmp_path / "back-up.tar")
    keyring.reseal(secrets)  # what is still in memory mends it
    assert keyring.open("sean", SEAN).serial == 2


def test_nobody_is_left_in_it(tmp_path: Path) -> None:
    keyring, _, recovery = made_keyring(tmp_path)
    shutil.rmtree(_folder(tmp_path) / "administrators")
    with pytest.raises(ControlError, match="nobody is left in this keyring") as caught:
        keyring.open("sean", SEAN)
    assert "the recovery identity still opens it" in caught.value.hint
    keyring.add_administrator(keyring.open_with_identity(recovery), "anna", ANNA)
    assert keyring.open("anna", ANNA).serial == 2


def test_there_is_none(tmp_path: Path) -> None:
    keyring = quick_keyring(tmp_path)
    assert (keyring.exists(), keyring.administrators()) == (False, [])
    for verb in (
        lambda: keyring.open("sean", SEAN),
        lambda: keyring.open_with_identity("AGE-SECRET-KEY-1"),
        lambda: keyring.back_up(tmp_path / "back-up.tar"),
    ):
        with pytest.raises(ControlError, match="there is no keyring") as caught:
            verb()
        assert "bootstrap" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_newer_version_beside_it_and_inside(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    label = _folder(tmp_path) / "recipients.json"
    label.write_text(json.dumps({**json.loads(label.read_text()), "version": 3}))
    with pytest.raises(NewerKeyringError, match="the keyring is of version 3, and this homeprod knows 2"):
        keyring.open("sean", SEAN)
    with pytest.raises(NewerKeyringError):
        keyring.reseal(secrets)
    form = json.loads(secrets.content.render().reveal())
    with pytest.raises(NewerKeyringError, match="version 4"):
        parse_content(Hidden(json.dumps({**form, "version": 4, "environments": "?"})))


@pytest.mark.parametrize(
    "alter",
    [
        lambda form: form.pop("node"),
        lambda form: form.update(version=None),
        lambda form: form.update(environments=["lab"]),
        lambda form: form["environments"]["lab"].update(ssh_key=7),
        lambda form: form["deploy"].pop("vault"),
        lambda form: form.update(serial="soon"),
        lambda form: form.update(recipients=[]),
    ],
)
def test_what_is_sealed_and_no_keyring(alter: Callable[[dict[str, object]], object]) -> None:
    form = json.loads(make_secrets("n", ["lab"]).content.render().reveal())
    alter(form)
    with pytest.raises(DamagedKeyringError):
        parse_content(Hidden(json.dumps(form)))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_what_is_sealed_and_not_even_json(text: str) -> None:
    with pytest.raises(DamagedKeyringError, match="what the keyring holds is no keyring"):
        parse_content(Hidden(text))


def test_a_recipient_that_a_stranger_wrote_beside_it_is_given_nothing(tmp_path: Path) -> None:
    """Who can write to the disk of a Locked node adds himself, and waits for the next change."""
    keyring, secrets, _ = made_keyring(tmp_path)
    _, _, stranger = made_keyring(_make(tmp_path / "elsewhere"))
    label, recovery = (_folder(tmp_path) / name for name in ("recipients.json", "recovery.pub"))
    key = (_folder(tmp_path / "elsewhere") / "recovery.pub").read_text().strip()
    form = json.loads(label.read_text())
    form["recipients"]["mallory"] = key
    label.write_text(json.dumps({**form, "recovery": key}))
    recovery.write_text(key)
    opened = keyring.open("sean", SEAN)
    keyring.rotate(opened, "lab/ssh-key")
    with pytest.raises(WrongPassphraseError):
        keyring.open_with_identity(stranger)
    assert secrets.content.recovery in (tmp_path / "keyring/generation-2/recovery.pub").read_text()
    assert "mallory" not in (tmp_path / "keyring/generation-2/recipients.json").read_text()


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "text", ["", "AGE-SECRET-KEY-1QQ", "age1nothing", "AGE-SECRET-KEY-" + "Q" * 59, "é", "# only a comment"]
)
def test_a_mistyped_recovery_identity(tmp_path: Path, text: str) -> None:
    keyring, _, _ = made_keyring(tmp_path)
    with pytest.raises(WrongPassphraseError, match="this is no recovery identity, or it is mistyped"):
        keyring.open_with_identity(text)


def test_a_recovery_identity_with_one_wrong_letter(tmp_path: Path) -> None:
    keyring, _, recovery = made_keyring(tmp_path)
    wrong = recovery[:-1] + ("Q" if recovery[-1] != "Q" else "P")
    with pytest.raises(WrongPassphraseError, match="its own checksum does not fit"):
        keyring.open_with_identity(wrong)


# Back-ups


def test_a_back_up_comes_back(tmp_path: Path) -> None:
    keyring, secrets, recovery = made_keyring(tmp_path)
    keyring.add_administrator(secrets, "anna", ANNA)
    keyring.back_up(tmp_path / "back-up.tar")
    assert (tmp_path / "back-up.tar").stat().st_mode & 0o777 == 0o600
    shutil.rmtree(tmp_path / "keyring")
    label = keyring.restore(tmp_path / "back-up.tar")
    assert (label.node, label.serial, sorted(label.recipients)) == ("lab-ansible", 2, ["anna", "sean"])
    for opened in (keyring.open("sean", SEAN), keyring.open("anna", ANNA), keyring.open_with_identity(recovery)):
        assert opened.content.render().reveal() == secrets.content.render().reveal()


def test_an_older_back_up_is_put_back_only_if_it_is_meant(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    keyring.back_up(tmp_path / "back-up.tar")
    keyring.add_administrator(secrets, "anna", ANNA)
    keyring.remove_administrator(secrets, "sean")
    with pytest.raises(ControlError, match=r"older than the keyring that is there \(serial 1 and 3\)") as caught:
        keyring.restore(tmp_path / "back-up.tar")
    assert "whoever was removed since, and every older secret, would be back" in caught.value.hint
    assert keyring.administrators() == ["anna"]
    keyring.restore(tmp_path / "back-up.tar", is_forced=True)
    assert keyring.administrators() == ["sean"]
    with pytest.raises(ControlError, match="the keyring was changed since it was opened"):
        keyring.reseal(secrets)
    (replaced,) = keyring._store.folder.glob("replaced-*.tar")
    keyring.restore(replaced)
    assert keyring.administrators() == ["anna"]
    assert keyring.open("anna", ANNA).serial == 3


def test_a_back_up_of_another_node_or_over_a_damaged_keyring(tmp_path: Path) -> None:
    keyring, _, _ = made_keyring(tmp_path)
    keyring.back_up(tmp_path / "back-up.tar")
    other = quick_keyring(_make(tmp_path / "other"))
    other.create(make_secrets("prod-ansible", ["prod"]), "bob", OTHER)
    with pytest.raises(ControlError, match="a back-up of lab-ansible, and the keyring there is of prod-ansible"):
        other.restore(tmp_path / "back-up.tar")
    (_folder(tmp_path / "other") / "recipients.json").write_bytes(b"\0")
    with pytest.raises(ControlError, match="the keyring that is there is damaged, so nobody can say which is newer"):
        other.restore(tmp_path / "back-up.tar")
    assert other.open("bob", OTHER).node == "prod-ansible"


def test_a_damaged_keyring_replaces_no_good_back_up(tmp_path: Path) -> None:
    keyring, _, _ = made_keyring(tmp_path)
    keyring.back_up(tmp_path / "back-up.tar")
    good = (tmp_path / "back-up.tar").read_bytes()
    for name in ("keyring.age", "administrators/sean.age", "recovery.pub", "recipients.json"):
        file = _folder(tmp_path) / name
        whole = file.read_bytes()
        file.write_bytes(whole[:-2])
        with pytest.raises(DamagedKeyringError):
            keyring.back_up(tmp_path / "back-up.tar")
        file.write_bytes(whole)
    assert (tmp_path / "back-up.tar").read_bytes() == good


def test_what_is_no_back_up(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w") as archive:
        archive.add(_folder(tmp_path), "homeprod-keyring/../../keyring")
    linked = tmp_path / "linked.tar"
    with tarfile.open(linked, "w") as archive:
        entry = tarfile.TarInfo("homeprod-keyring/keyring.age")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 100)
    for name in ("hostile.tar", "linked.tar", "empty", "noise"):
        with pytest.raises(DamagedKeyringError, match="this is no back-up of a keyring, or it is damaged"):
            keyring.restore(tmp_path / name)
    with pytest.raises(ControlError, match="cannot read the back-up of the keyring: No such file"):
        keyring.restore(tmp_path / "nowhere")
    assert keyring.open("sean", SEAN).serial == secrets.serial


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), is_cut=st.booleans())
def test_a_damaged_back_up_is_refused_or_harmless(tmp_path: Path, place: float, bit: int, is_cut: bool) -> None:
    folder = tmp_path / "home"
    if not folder.exists():
        keyring, _, _ = made_keyring(_make(folder))
        keyring.back_up(folder / "back-up.tar")
    keyring = quick_keyring(folder)
    whole = (folder / "back-up.tar").read_bytes()
    at = int(place * len(whole))
    bent = whole[:at] if is_cut else whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
    (folder / "bent.tar").write_bytes(bent)
    before = keyring.open("sean", SEAN).content.render().reveal()
    with contextlib.suppress(DamagedKeyringError):
        keyring.restore(folder / "bent.tar", is_forced=True)
    assert keyring.open("sean", SEAN).content.render().reveal() == before

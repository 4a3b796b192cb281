"""The keyring's verbs: who can open it after each, and what each refuses."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.unit.control.keyring.quick import ANNA, OTHER, SEAN, made_keyring, quick_keyring

from homeprod.control.keyring.content import parse_content
from homeprod.control.keyring.disk import Disk
from homeprod.control.keyring.errors import WrongPassphraseError
from homeprod.control.keyring.hidden import Hidden
from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.secrets import Secrets, make_secrets, public_keys
from homeprod.core.errors import ControlError


def _same(one: Secrets, other: Secrets) -> bool:
    return one.content.render().reveal() == other.content.render().reveal()


def test_who_made_it_opens_it_and_so_does_the_recovery_identity(tmp_path: Path) -> None:
    keyring, secrets, recovery = made_keyring(tmp_path)
    assert (keyring.exists(), keyring.administrators(), secrets.serial) == (True, ["sean"], 1)
    assert _same(keyring.open("sean", SEAN), secrets)
    assert _same(keyring.open_with_identity(recovery), secrets)
    paper = " ".join(recovery[i : i + 8] for i in range(0, len(recovery), 8)).lower()
    assert _same(keyring.open_with_identity(paper), secrets)


@pytest.mark.slow
def test_scrypt_and_a_bytearray(tmp_path: Path) -> None:
    """age's own wrapping, as the node has it."""
    keyring, secrets = Keyring(tmp_path / "keyring"), make_secrets("lab-ansible", ["lab"])
    keyring.create(secrets, "anna", bytearray(ANNA))
    assert (
        (tmp_path / "keyring/generation-1/administrators/anna.age").read_bytes().startswith(b"age-encryption.org/v1")
    )
    assert _same(keyring.open("anna", bytearray(ANNA)), secrets)
    with pytest.raises(WrongPassphraseError, match="this is not the passphrase of anna"):
        keyring.open("anna", SEAN)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    made_keyring(tmp_path)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "keyring").rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in [tmp_path / "keyring", *(tmp_path / "keyring").glob("**/")]}
    assert (modes, folders) == ({0o600}, {0o700})


def test_checksums_are_what_sha256sum_reads(tmp_path: Path) -> None:
    made_keyring(tmp_path)
    for folder in (tmp_path / "keyring/generation-1", tmp_path / "keyring/generation-1/administrators"):
        lists = sorted(str(path.name) for path in folder.glob("*.sha256"))
        subprocess.run(["sha256sum", "-c", "--strict", "--quiet", *lists], cwd=folder, check=True, timeout=20)


def test_a_second_bootstrap_is_refused(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    with pytest.raises(ControlError, match="there is a keyring already"):
        keyring.create(make_secrets("lab-ansible", ["lab"]), "anna", ANNA)
    assert _same(keyring.open("sean", SEAN), secrets)


def test_the_folder_above_must_be_there(tmp_path: Path) -> None:
    """It is where the data disk is mounted; a keyring on the boot disk would go with the machine."""
    with pytest.raises(ControlError, match="cannot write the keyring: No such file or directory") as caught:
        quick_keyring(tmp_path / "not" / "mounted").create(make_secrets("n", ["lab"]), "sean", SEAN)
    assert "the data disk mounted" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EROFS, "can only be read"),
        (errno.EACCES, "ask it"),
        (errno.EIO, "look at"),
    ],
)
def test_what_to_do_about_a_disk_that_refuses(tmp_path: Path, number: int, step: str) -> None:
    class Refusing(Disk):
        def create(self, file: Path) -> int:
            raise OSError(number, os.strerror(number), str(file))

    _, secrets, _ = made_keyring(tmp_path)
    with pytest.raises(ControlError, match="cannot write the keyring: ") as caught:
        quick_keyring(tmp_path, Refusing()).reseal(secrets)
    assert caught.value.hint.startswith("nothing was changed; ")
    assert step in caught.value.hint


def test_an_administrator_added_and_removed(tmp_path: Path) -> None:
    keyring, secrets, recovery = made_keyring(tmp_path)
    keyring.add_administrator(secrets, "anna", ANNA)
    assert keyring.administrators() == ["anna", "sean"]
    assert _same(keyring.open("anna", ANNA), secrets)
    with pytest.raises(ControlError, match="anna is an administrator of this keyring already"):
        keyring.add_administrator(secrets, "anna", OTHER)
    could_read = keyring.remove_administrator(secrets, "sean")
    assert could_read == [
        "lab/ssh-key",
        "lab/vault-password",
        "prod/ssh-key",
        "prod/vault-password",
        "deploy/playbooks",
        "deploy/vault",
    ]
    assert (keyring.administrators(), secrets.serial) == (["anna"], 3)
    with pytest.raises(ControlError, match="sean is no administrator of this keyring") as caught:
        keyring.open("sean", SEAN)
    assert caught.value.hint == "those who are: anna"
    assert _same(keyring.open("anna", ANNA), secrets)
    assert _same(keyring.open_with_identity(recovery), secrets)


def test_the_last_one_and_a_stranger_are_not_removed(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    with pytest.raises(ControlError, match="sean is the last administrator"):
        keyring.remove_administrator(secrets, "sean")
    with pytest.raises(ControlError, match="anna is no administrator of this keyring"):
        keyring.remove_administrator(secrets, "anna")
    assert _same(keyring.open("sean", SEAN), secrets)


def test_a_lost_passphrase_is_replaced_by_somebody_else(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    keyring.add_administrator(secrets, "anna", ANNA)
    keyring.add_administrator(secrets, "sean", OTHER, replaces=True)
    assert _same(keyring.open("sean", OTHER), secrets)
    with pytest.raises(WrongPassphraseError):
        keyring.open("sean", SEAN)


def test_a_changed_passphrase_makes_copies_of_the_old_file_useless(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    old = (tmp_path / "keyring/generation-1/administrators/sean.age").read_bytes()
    with pytest.raises(WrongPassphraseError):
        keyring.change_passphrase("sean", OTHER, ANNA)
    after = keyring.change_passphrase("sean", SEAN, OTHER)
    assert _same(keyring.open("sean", OTHER), after)
    assert after.serial == secrets.serial + 1
    with pytest.raises(WrongPassphraseError):
        keyring.open("sean", SEAN)
    (tmp_path / "keyring/generation-2/administrators/sean.age").write_bytes(old)
    (tmp_path / "keyring/generation-2/administrators/sean.age.sha256").unlink()
    with pytest.raises(WrongPassphraseError, match="this identity does not open the keyring"):
        keyring.open("sean", SEAN)


def test_what_was_changed_meanwhile_is_not_undone(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    after = keyring.change_passphrase("sean", SEAN, OTHER)
    with pytest.raises(ControlError, match="the keyring was changed since it was opened"):
        keyring.add_administrator(secrets, "anna", ANNA)
    keyring.add_administrator(after, "anna", ANNA)
    assert keyring.administrators() == ["anna", "sean"]


def test_a_rotation_has_a_beginning_and_an_end(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    old = {name: secrets.reveal(name) for name in secrets.names()}
    keys = public_keys(secrets)
    assert keyring.rotate(secrets, "lab/vault-password") is secrets
    keyring.rotate(secrets, "lab/ssh-key")
    assert secrets.pending() == ["lab/vault-password", "lab/ssh-key"]
    assert {name: secrets.reveal(name) for name in secrets.names()} == old
    opened = keyring.open("sean", SEAN)
    assert opened.vault_password("lab") == old["lab/vault-password"]
    assert opened.reveal_next("lab/vault-password") not in (None, old["lab/vault-password"])
    assert len(opened.ssh_keys("lab")) == 2
    assert len(opened.ssh_keys("prod")) == 1
    assert set(public_keys(opened)) == {*keys, "ansible-lab.next"}
    following = opened.reveal_next("lab/ssh-key")
    keyring.finish_rotation(opened, "lab/ssh-key")
    assert opened.ssh_keys("lab") == [following]
    keyring.drop_rotation(opened, "all")
    assert opened.pending() == []
    assert opened.vault_password("lab") == old["lab/vault-password"]
    with pytest.raises(ControlError, match="no rotation of all has been begun"):
        keyring.finish_rotation(opened, "all")
    with pytest.raises(ControlError, match="the keyring has no secret lab/tea"):
        keyring.rotate(opened, "lab/tea")


def test_every_secret_is_rotated(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    old = [secrets.reveal(name) for name in secrets.names()]
    keyring.finish_rotation(keyring.rotate(secrets, "all"), "all")
    opened = keyring.open("sean", SEAN)
    assert all(opened.reveal(name) not in old for name in opened.names())


def test_another_recovery_identity(tmp_path: Path) -> None:
    keyring, secrets, recovery = made_keyring(tmp_path)
    renewed = keyring.renew_recovery(secrets)
    assert _same(keyring.open_with_identity(renewed), secrets)
    with pytest.raises(WrongPassphraseError, match="this identity does not open the keyring"):
        keyring.open_with_identity(recovery)


def test_an_environment_that_came_later(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    old = {name: secrets.reveal(name) for name in secrets.names()}
    keyring.add_environment(secrets, "test")
    opened = keyring.open("sean", SEAN)
    assert opened.environments == ("lab", "prod", "test")
    assert {name: opened.reveal(name) for name in old} == old
    assert "ansible-test" in public_keys(opened)
    with pytest.raises(ControlError, match="the keyring has the environment test already"):
        keyring.add_environment(secrets, "test")


def test_public_keys_are_those_of_the_private_ones(tmp_path: Path) -> None:
    """ssh-keygen says so too."""
    secrets = make_secrets("lab-ansible", ["lab"])
    key = tmp_path / "key"
    key.touch(0o600)
    for title, name in (("ansible-lab", "lab/ssh-key"), ("deploy-vault", "deploy/vault")):
        key.write_bytes(secrets.reveal(name))
        said = subprocess.run(
            ["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, check=True, timeout=20
        )
        assert public_keys(secrets)[title].split()[:2] == said.stdout.split()[:2]
    assert [line.split()[2] for line in public_keys(secrets).values()] == [
        "lab-ansible-lab",
        "lab-ansible-deploy-playbooks",
        "lab-ansible-deploy-vault",
    ]


@pytest.mark.parametrize("name", ["", "../sean", "Sean", "a/b", "sean\n", "x" * 33, "-sean", "seán"])
def test_a_name_that_is_no_unix_name(tmp_path: Path, name: str) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    for verb in (lambda: keyring.open(name, SEAN), lambda: keyring.add_administrator(secrets, name, ANNA)):
        with pytest.raises(ControlError, match="cannot be an administrator's name"):
            verb()


def test_a_keyring_of_before_there_were_authorities_is_read(tmp_path: Path) -> None:
    _, secrets, _ = made_keyring(tmp_path)
    form = json.loads(secrets.content.render().reveal())
    before = parse_content(Hidden(json.dumps({**form, "version": 1})))
    assert (before.authorities, set(before.current)) == ({}, set(secrets.content.current))
    assert json.loads(before.render().reveal())["version"] == 2


def test_an_authority_is_one_of_the_secrets(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    with pytest.raises(ControlError, match="the keyring has no secret lab/authority"):
        secrets.reveal("lab/authority")
    keyring.put_authority(secrets, "lab", Hidden("its key"))
    opened = keyring.open("sean", SEAN)
    assert "lab/authority" in opened.names()
    assert bytes(opened.reveal("lab/authority")) == b"its key"
    with pytest.raises(ControlError, match="the keyring has no secret prod/authority"):
        opened.reveal("prod/authority")

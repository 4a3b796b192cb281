"""The age program alone opens what homeprod sealed: as its owner at a terminal, and from paper."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.unit.control.keyring.quick import ANNA, OTHER, SEAN

from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.secrets import Secrets, make_secrets

LIMIT = 60.0
"""Seconds; scrypt is meant to take one or two."""
ON_TERMINAL = 'exec 3<>"$0"; exec "$@" 3>&-'
"""Run as the leader of a new session, so that the terminal it opens becomes the one it is asked on."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring of anna and sean, made once since scrypt takes its time; a back-up of it; what it holds."""
    folder = tmp_path_factory.mktemp("home")
    keyring, secrets = Keyring(folder / "keyring"), make_secrets("lab-ansible", ["lab", "prod"])
    recovery = keyring.create(secrets, "sean", SEAN)
    keyring.add_administrator(secrets, "anna", ANNA)
    keyring.back_up(folder / "back-up.tar")
    (folder / "expected").write_text(json.dumps({name: secrets.reveal(name).decode() for name in secrets.names()}))
    (folder / "paper").write_text(recovery)
    return folder


def _run_age(arguments: Sequence[str], folder: Path, passphrase: bytes) -> subprocess.CompletedProcess[bytes]:
    """With a terminal to ask for the passphrase on."""
    terminal, far = os.openpty()
    command = ["sh", "-c", ON_TERMINAL, os.ttyname(far), "age", *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    try:
        asked = b""
        while b":" not in asked:
            assert select.select([terminal], [], [], LIMIT)[0], "age asked for nothing"
            asked += os.read(terminal, 1000)
        os.write(terminal, passphrase + b"\n")
        said, talk = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        os.close(far)
    return subprocess.CompletedProcess(command, process.returncode, said, talk)


def _flatten(text: bytes) -> dict[str, str]:
    form = json.loads(text)
    found = {
        f"{name}/{kind.replace('_', '-')}": value
        for name, secrets in form["environments"].items()
        for kind, value in secrets.items()
    }
    return {**found, **{f"deploy/{name}": value for name, value in form["deploy"].items()}}


def _expect(home: Path) -> dict[str, str]:
    expected = json.loads((home / "expected").read_text())
    assert len(expected) == 6
    return dict(expected)


@pytest.mark.slow
@pytest.mark.parametrize(("person", "passphrase"), [("sean", SEAN), ("anna", ANNA)])
def test_a_passphrase_opens_it(home: Path, person: str, passphrase: bytes) -> None:
    folder = home / "keyring/generation-2"
    done = _run_age(["-d", "-i", f"administrators/{person}.age", "keyring.age"], folder, passphrase)
    assert (done.returncode, _flatten(done.stdout)) == (0, _expect(home)), done.stderr


def test_an_identity_is_a_file_of_age_keygen(home: Path) -> None:
    """In two steps: first the identity, then the keyring."""
    folder = home / "keyring/generation-2"
    identity = _run_age(["-d", "administrators/sean.age"], folder, SEAN)
    assert identity.stdout.startswith(b"# sean, of lab-ansible\n# public key: age1")
    public = subprocess.run(
        ["age-keygen", "-y"], input=identity.stdout, capture_output=True, timeout=LIMIT, check=True
    )
    assert public.stdout.decode().strip() in (folder / "recipients.json").read_text()
    done = _open_with(identity.stdout, folder)
    assert _flatten(done.stdout) == _expect(home)


def _open_with(identity: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """The identity from standard input, so that it is on no disk."""
    command = ["age", "-d", "-i", "-", "keyring.age"]
    return subprocess.run(command, cwd=folder, input=identity, capture_output=True, timeout=LIMIT, check=False)


def test_the_recovery_identity_opens_it_and_a_back_up(home: Path, tmp_path: Path) -> None:
    paper = (home / "paper").read_bytes()
    assert _flatten(_open_with(paper, home / "keyring/generation-2").stdout) == _expect(home)
    subprocess.run(["tar", "xf", str(home / "back-up.tar")], cwd=tmp_path, check=True, timeout=LIMIT)
    assert _flatten(_open_with(paper, tmp_path / "homeprod-keyring").stdout) == _expect(home)


def test_nothing_else_opens_it(home: Path) -> None:
    folder = home / "keyring/generation-2"
    wrong = _run_age(["-d", "-i", "administrators/sean.age", "keyring.age"], folder, OTHER)
    assert (wrong.returncode != 0, wrong.stdout) == (True, b"")
    other = subprocess.run(["age-keygen"], capture_output=True, timeout=LIMIT, check=True)
    assert _open_with(other.stdout, folder).returncode != 0


def test_what_lies_on_the_disk_holds_no_secret(home: Path) -> None:
    """Nor a passphrase, nor an identity, in the clear."""
    secrets: Secrets = Keyring(home / "keyring").open_with_identity((home / "paper").read_text())
    texts = [*_expect(home).values(), SEAN.decode(), ANNA.decode(), (home / "paper").read_text()]
    canaries = [line.encode() for text in texts for line in text.splitlines() if "-----" not in line]
    assert len(canaries) > 20
    for file in [*(home / "keyring").rglob("*"), home / "back-up.tar"]:
        if file.is_file():
            assert not any(canary in file.read_bytes() for canary in canaries), file
    assert secrets.serial == 2

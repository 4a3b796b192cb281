"""That the search for canaries finds them, and that a node's secrets are only where they may be."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from tests.keyholder_node import ME, PASSPHRASE, KeyholderNode, make_disk
from tests.light_scrypt import LightWrapping
from tests.system.canary import Canary, Finding, Search, list_family

from homeprod.control.keyholder import vault_client
from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.watch import KeyholderWatch
from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.secrets import Secrets

WORD = b"kanarienvogel im bergwerk"
HOLD = "import sys; print('up', flush=True); sys.stdin.read()"
SEANS = b"violin meadow copper tunnel basil"
VALUES = [f"db-password-{number}-{os.urandom(8).hex()}".encode() for number in range(4)]


def encode_all(word: bytes) -> dict[str, bytes]:
    """As a program would that knows nothing of the search."""
    around = {f"base64+{shift}": base64.b64encode(b"xyz"[:shift] + word + b"and more") for shift in range(3)}
    text = word.decode()
    return {
        **around,
        "plain": word,
        "hex": word.hex().encode(),
        "HEX": word.hex().upper().encode(),
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
    }


@pytest.mark.parametrize("kind", sorted(encode_all(WORD)))
def test_every_form_is_found_across_the_border_of_two_parts(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "file"
    for place in (0, (4 << 20) - 7):
        with file.open("wb") as stream:
            stream.truncate(40 << 20)
            stream.seek(place)
            stream.write(encode_all(WORD)[kind])
        found = Search([Canary("word", WORD), Canary("other", b"not there at all")]).find_in_tree(tmp_path)
        assert Finding(str(file), "word", kind) in found
        assert {one.canary for one in found} == {"word"}


def test_bytes_that_are_no_text_are_found_in_base64url() -> None:
    value = bytes([0xFB, 0xFF] * 20)
    found = Search([Canary("key", value)]).find_in(base64.urlsafe_b64encode(value), "here")
    assert "base64url+0" in {one.form for one in found}


def test_a_compressed_image_is_unpacked(tmp_path: Path) -> None:
    raw, image = tmp_path / "raw", tmp_path / "image"
    raw.write_bytes(bytes(1 << 20) + WORD * 40 + bytes(1 << 20))
    subprocess.run(["qemu-img", "convert", "-c", "-O", "qcow2", str(raw), str(image)], check=True, timeout=60)
    search = Search([Canary("word", WORD)])
    assert search.find_in_file(image) == set()
    assert search.find_in_image(image) == {Finding(str(image), "word", "plain")}


def test_a_process_is_searched_through_its_memory_arguments_and_environment() -> None:
    search = Search([Canary("word", WORD)])
    env = {"PATH": os.environ["PATH"], "WORD": WORD.decode()}
    argv = [sys.executable, "-c", HOLD]
    assert list_places(search, argv, env) == {"memory", "environ"}
    assert "cmdline" in list_places(search, [*argv, WORD.hex()], {"PATH": os.environ["PATH"]})


def list_places(search: Search, argv: list[str], env: dict[str, str]) -> set[str]:
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        found = search.find_in_process(process.pid)
        process.stdin.close()
    return {one.place.split(" of ")[0] for one in found}


def list_canaries(secrets: Secrets, identity: bytes) -> list[Canary]:
    """More than twenty: keys as they are in PEM and as an agent holds them, passwords, the ways in."""
    canaries = [Canary("passphrase", PASSPHRASE), Canary("sean's", SEANS), Canary("recovery identity", identity[16:])]
    canaries += [Canary(f"value {number}", value) for number, value in enumerate(VALUES)]
    for name in secrets.names():
        value = bytes(secrets.reveal(name))
        if name.endswith("vault-password"):
            canaries.append(Canary(name, value))
            continue
        lines = value.splitlines()
        canaries += [Canary(f"{name}, line {number}", lines[number]) for number in (3, 4)]
        key = form.load_ssh_private_key(value, None)
        raw = key.private_bytes(form.Encoding.Raw, form.PrivateFormat.Raw, form.NoEncryption())
        canaries.append(Canary(f"{name}, raw", raw))
    return canaries


def test_a_nodes_secrets_are_where_they_may_be_and_nowhere_once_it_is_locked(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root reads a process that is not dumpable")
    disk = make_disk(tmp_path, sean=SEANS)
    secrets = Keyring(disk.folder / "keyring", wrapping=LightWrapping()).open(ME, PASSPHRASE)
    canaries = list_canaries(secrets, disk.identity)
    assert len(canaries) >= 20
    search = Search(canaries)
    with KeyholderNode() as node:
        node.take(disk.folder).start()
        leave_it_locked(node)
        assert node.process is not None
        assert search.find_in_processes(list_family(node.process.pid)) == set()
        node.ask("unlock", passphrase=PASSPHRASE)
        use_up_a_run(node)
        assert node.process is not None
        family = list_family(node.process.pid)
        assert len(family) == 4
        by_process = {pid: search.find_in_process(pid) for pid in family}
        in_keyholder = by_process.pop(node.process.pid)
        assert {"lab/vault-password", "prod/vault-password"} == {one.canary for one in in_keyholder}
        assert {one.form for one in in_keyholder} == {"plain"}
        for found in by_process.values():
            assert all(one.place.startswith("memory of ssh-agent") for one in found), found
        assert search.find_in_tree(node.folder) == set()
        node.ask("lock")
        node.wait()
        node.start()
        assert search.find_in_processes(list_family(node.process.pid) | {*node.list_agents()}) == set()
        assert search.find_in_tree(node.folder) == set()


def leave_it_locked(node: KeyholderNode) -> None:
    """What opens the keyring and is no unlock: a change of it, and an unlock that cannot be finished."""
    node.ask("rotate", what="deploy/vault", step="begin", passphrase=PASSPHRASE)
    node.ask("rotate", what="deploy/vault", step="drop", passphrase=PASSPHRASE)
    node.settle(environments=[{"name": "lab", "user": ME}, {"name": "prod", "user": "nobody-of-that-name"}])
    for passphrase in (PASSPHRASE, SEANS):
        with pytest.raises(KeyholderError):
            node.ask("unlock", passphrase=passphrase)
    node.settle()


def use_up_a_run(node: KeyholderNode) -> None:
    """So that everything was used once: a rotation, the daemon's socket, the vault socket, what encrypts."""
    node.ask("rotate", what="all", step="begin", passphrase=PASSPHRASE)
    node.ask("rotate", what="all", step="drop", passphrase=PASSPHRASE)
    watch = KeyholderWatch(node.places.daemon_socket)
    nonce = asyncio.run(watch.open_run("lab", "1", os.geteuid()))
    assert vault_client.ask(str(node.places.vault_socket("lab")), nonce)
    for value in VALUES:
        node.ask("encrypt", environment="lab", content=value)
    asyncio.run(watch.close_run(nonce))

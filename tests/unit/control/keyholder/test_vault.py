"""The vault password: who is given it, and vault text that the real ansible-vault reads."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.keyholder_node import PASSPHRASE, KeyholderNode

from homeprod.control.keyholder import vault_client
from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.held.runs import MOST, OpenRuns
from homeprod.control.keyholder.sockets.wire import TEXT_LIMIT
from homeprod.control.keyholder.watch import KeyholderWatch

pytestmark = pytest.mark.slow

PROGRAM = Path(vault_client.__file__).with_name("homeprod-vault-client.py")
ANSIBLE_VAULT = Path(sys.executable).with_name("ansible-vault")
T = TypeVar("T")
SECRET = "correct horse\nbattery: staple\n"


def ask_watch(node: KeyholderNode, ask: Callable[[KeyholderWatch], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(ask(KeyholderWatch(node.places.daemon_socket)))


def open_run(node: KeyholderNode, environment: str = "lab") -> str:
    return ask_watch(node, lambda watch: watch.open_run(environment, "7", os.geteuid()))


def ask_password(node: KeyholderNode, nonce: str, environment: str = "lab") -> bytes:
    return vault_client.ask(str(node.places.vault_socket(environment)), nonce)


def test_a_run_is_given_the_password_while_it_is_open(node: KeyholderNode) -> None:
    node.make_ready()
    nonce = open_run(node)
    password = ask_password(node, nonce)
    assert len(password) > 30
    assert ask_password(node, nonce) == password
    assert ask_watch(node, lambda watch: watch.close_run(nonce))
    assert ask_password(node, nonce) == b""
    assert not ask_watch(node, lambda watch: watch.close_run(nonce))
    assert "answered run '7'" in node.log.read_text()
    assert nonce not in node.log.read_text()
    assert password.decode() not in node.log.read_text()


def test_whoever_is_no_open_run_of_that_environment_is_given_nothing(node: KeyholderNode) -> None:
    node.make_ready()
    other = open_run(node, "prod")
    for wrong in (other, "", "x" * 5000, "\0", "🐴"):
        assert ask_password(node, wrong) == b"", wrong
    assert ask_password(node, other, "prod") != b""
    assert "refused user" in node.log.read_text()
    assert other not in node.log.read_text()


def test_an_open_run_is_one_users_and_one_environments() -> None:
    runs = OpenRuns()
    nonce = runs.open("lab", "7", 1001).encode()
    assert runs.find("lab", 1001, nonce) is not None
    assert runs.find("lab", 1002, nonce) is None
    assert runs.find("prod", 1001, nonce) is None
    assert runs.find("lab", 1001, nonce[:-1]) is None
    assert nonce.decode() not in repr(runs.find("lab", 1001, nonce))


def test_runs_that_nobody_closes_are_bounded() -> None:
    runs = OpenRuns()
    for number in range(MOST):
        runs.open("lab", str(number), 1001)
    with pytest.raises(KeyholderError, match=f"{MOST} runs are open already"):
        runs.open("lab", "x", 1001)


def test_no_run_is_opened_for_a_user_whose_runs_these_are_not(node: KeyholderNode) -> None:
    node.start()
    with pytest.raises(KeyholderError, match="the control node is Locked, and this needs Ready"):
        open_run(node)
    node.ask("unlock", passphrase=PASSPHRASE)
    with pytest.raises(KeyholderError, match="runs of lab are not user 4711's"):
        ask_watch(node, lambda watch: watch.open_run("lab", "7", 4711))
    with pytest.raises(KeyholderError, match="there is no vault password for 'stage'"):
        open_run(node, "stage")


def test_the_real_ansible_vault_reads_what_was_encrypted_through_the_client(node: KeyholderNode) -> None:
    node.make_ready()
    text = node.ask("encrypt", environment="lab", content=SECRET.encode()).raw["content"].decode()
    assert text.startswith("$ANSIBLE_VAULT;1.2;AES256;lab\n")
    assert run_ansible_vault(node, open_run(node), text) == SECRET


def test_the_longest_value_is_encrypted_and_a_longer_one_is_refused(node: KeyholderNode) -> None:
    node.make_ready()
    text = node.ask("encrypt", environment="lab", content=b"x" * TEXT_LIMIT).raw["content"].decode()
    assert run_ansible_vault(node, open_run(node), text) == "x" * TEXT_LIMIT
    with pytest.raises(KeyholderError, match="are the most"):
        node.ask("encrypt", environment="lab", content=b"x" * (TEXT_LIMIT + 1))


def run_ansible_vault(node: KeyholderNode, nonce: str, text: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "HOME": str(node.folder),
        "HOMEPROD_VAULT_SOCKET": str(node.places.vault_socket("lab")),
        "HOMEPROD_VAULT_NONCE": nonce,
    }
    argv = [str(ANSIBLE_VAULT), "decrypt", "--vault-id", f"lab@{PROGRAM}", "--output", "-"]
    done = subprocess.run(argv, input=text, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_the_client_says_what_is_wrong(tmp_path: Path) -> None:
    def call(**environment: str) -> str:
        argv = [str(PROGRAM), "--vault-id", "lab"]
        env = {"PATH": os.environ["PATH"], **environment}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr

    assert "HOMEPROD_VAULT_SOCKET is not set" in call()
    nowhere = str(tmp_path / "s")
    assert "the vault socket does not answer" in call(HOMEPROD_VAULT_SOCKET=nowhere, HOMEPROD_VAULT_NONCE="x")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(nowhere)
        listening.listen()
        listening.settimeout(60)
        env = {"PATH": os.environ["PATH"], "HOMEPROD_VAULT_SOCKET": nowhere, "HOMEPROD_VAULT_NONCE": "x"}
        with subprocess.Popen([str(PROGRAM)], env=env, stderr=subprocess.PIPE, text=True) as asking:
            listening.accept()[0].close()
            _, talk = asking.communicate(timeout=60)
        assert "gives this run no password" in talk


def test_a_vault_password_is_rotated_with_the_repository(node: KeyholderNode) -> None:
    node.make_ready()
    before = node.ask("encrypt", environment="lab", content=SECRET.encode()).raw["content"].decode()
    with pytest.raises(KeyholderError, match="there is no next vault password for 'lab'"):
        node.ask("re-encrypt", environment="lab", content=before.encode())
    node.ask("rotate", what="lab/vault-password", step="begin", passphrase=PASSPHRASE)
    nonce = open_run(node)
    assert run_ansible_vault(node, nonce, before) == SECRET
    after = node.ask("re-encrypt", environment="lab", content=before.encode()).raw["content"].decode()
    node.ask("rotate", what="lab/vault-password", step="finish", passphrase=PASSPHRASE)
    assert run_ansible_vault(node, nonce, after) == SECRET


def test_a_text_of_another_password_is_refused(node: KeyholderNode) -> None:
    node.make_ready()
    text = node.ask("encrypt", environment="prod", content=b"x").raw["content"].decode()
    node.ask("rotate", what="lab/vault-password", step="begin", passphrase=PASSPHRASE)
    with pytest.raises(KeyholderError, match="Decryption failed"):
        node.ask("re-encrypt", environment="lab", content=text.encode())
    assert SECRET not in node.log.read_text()

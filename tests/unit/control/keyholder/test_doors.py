"""Who may ask, what becomes of nonsense, and that nobody waits for anybody else."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import random
import socket
import subprocess
import sys
import threading
import time

import pytest
from tests.keyholder_node import ME, PASSPHRASE, Disk, KeyholderNode, make_disk, speaks_for_others

from homeprod.control.keyholder.client import KeyholderClient
from homeprod.control.keyholder.errors import AbsentKeyholderError, KeyholderError
from homeprod.control.keyholder.sockets.listener import CONNECTIONS
from homeprod.control.keyholder.sockets.wire import encode

FUZZ = int(os.environ.get("HOMEPROD_KEYHOLDER_FUZZ", "200"))
SEANS = b"violin meadow copper tunnel basil"
ASK = "import sys; from homeprod.control.keyholder.client import KeyholderClient as C; from pathlib import Path\n"
ASK += "print(C(Path(sys.argv[1]), patience=0).ask('status').fields)"


def connect(node: KeyholderNode, name: str = "keyholder") -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(str(node.places.keyholder_socket if name == "keyholder" else node.places.daemon_socket))
    return connection


def send(node: KeyholderNode, data: bytes, name: str = "keyholder") -> bytes:
    """What comes back once all was sent."""
    with connect(node, name) as connection:
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
        return answer


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ended in the middle"),
        (b"\n", "no JSON object"),
        (b"[]\n", "no JSON object"),
        (b"[" * 60_000 + b"\n", "no JSON object"),
        (b"x" * 70_000, "too long"),
        (b"\xff\xfe\n", "no JSON object"),
        (b"{}\n", "there is no verb"),
        (b'{"verb": 7}\n', "verb is no text"),
        (b'{"verb": "unlock", "passphrase": "secret"}\n', "passphrase must be a length"),
        (b'{"verb": "unlock", "passphrase": -1}\n', "passphrase must be a length"),
        (b'{"verb": "unlock", "passphrase": true}\n', "passphrase must be a length"),
        (b'{"verb": "unlock", "passphrase": 99999999999}\n', "passphrase must be a length"),
        (b'{"verb": "unlock", "content": 4000000, "passphrase": 4000000}\n', "at most"),
        (b'{"verb": "unlock", "passphrase": 9}\nshort', "ended in the middle"),
        (b'{"verb": "unlock", "passphrase": 1}\nlonger', "more behind the message"),
        (b'{"verb": "unlock", "administrator": "%s"}\n' % ME.encode(), "has no passphrase"),
    ],
)
def test_nonsense_is_refused_in_words(node: KeyholderNode, data: bytes, words: str) -> None:
    node.start()
    answer = json.loads(send(node, data))
    assert (answer["ok"], words in answer["message"]) == (False, True), answer
    assert node.state() == "Locked"


def test_random_bytes_move_nothing(node: KeyholderNode) -> None:
    node.start()
    drawn = random.Random(5)  # noqa: S311 (the same nonsense every time)
    good = b'{"verb": "unlock", "administrator": "x", "passphrase": 4}\nabcd'
    for _ in range(FUZZ):
        data = bytearray(good)
        for _ in range(drawn.randrange(1, 6)):
            data[drawn.randrange(len(data))] = drawn.randrange(256)
        for door in ("keyholder", "daemon"):
            answer = send(node, bytes(data[: drawn.randrange(len(data) + 1)]), door)
            assert json.loads(answer)["ok"] is False
    assert node.state() == "Locked"
    assert "Traceback" not in node.log.read_text()


def test_the_daemon_may_ask_for_nothing_that_is_a_persons(node: KeyholderNode) -> None:
    node.make_ready()
    for verb in ("lock", "unlock", "encrypt", "rotate", "bootstrap"):
        answer = json.loads(send(node, json.dumps({"verb": verb, "administrator": ME}).encode() + b"\n", "daemon"))
        assert "the daemon cannot ask for" in answer["message"]
    assert node.state() == "Ready"


@speaks_for_others
def test_root_says_for_whom_it_speaks(node: KeyholderNode) -> None:
    node.start()
    with pytest.raises(KeyholderError, match="say for whom this is"):
        node.client.ask("unlock", {"passphrase": PASSPHRASE})


def test_who_is_no_administrator_of_the_site_is_refused(node: KeyholderNode) -> None:
    node.settle(administrators=["sean"])
    node.start()
    with pytest.raises(KeyholderError, match=f"{ME} is no administrator of this control node") as caught:
        node.ask("unlock", passphrase=PASSPHRASE)
    assert "sean" in caught.value.hint


@speaks_for_others
def test_an_administrator_who_is_in_no_keyring_is_told_so(node: KeyholderNode) -> None:
    node.start()
    with pytest.raises(KeyholderError, match="sean is no administrator of this keyring"):
        node.ask("unlock", administrator="sean", passphrase=PASSPHRASE)


def test_another_user_of_the_machine_reaches_no_door(node: KeyholderNode) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    node.start()
    node.folder.chmod(0o755)
    nobody = pwd.getpwnam("nobody")
    for path in (node.places.keyholder_socket, node.places.daemon_socket):
        argv = [sys.executable, "-c", ASK, str(path)]
        done = subprocess.run(
            argv, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], capture_output=True, text=True, timeout=60
        )
        assert "the keyholder's socket is not for you" in done.stderr, done


def test_settings_that_cannot_be_read_are_told(node: KeyholderNode) -> None:
    node.start()
    for text in ("", "{}", "[]", '{"node": "x", "administrators": [7], "environments": []}'):
        node.places.settings.write_text(text)
        with pytest.raises(KeyholderError, match="cannot read the control node's settings"):
            node.ask("unlock", passphrase=PASSPHRASE)
    node.places.settings.unlink()
    with pytest.raises(KeyholderError, match="No such file"):
        node.ask("unlock", passphrase=PASSPHRASE)
    assert node.state() == "Locked"


def test_silent_clients_hold_up_nobody_and_are_bounded(node: KeyholderNode) -> None:
    node.start()
    with contextlib.ExitStack() as stack:
        for count in range(CONNECTIONS - 2):
            silent = stack.enter_context(connect(node))
            silent.sendall(b'{"verb": "unl' if count % 2 else b"")
        node.ask("unlock", passphrase=PASSPHRASE)
        for _ in range(4):
            stack.enter_context(connect(node))
        with pytest.raises(AbsentKeyholderError, match="it hung up"):
            KeyholderClient(node.places.keyholder_socket, patience=0).ask("status")
    assert node.state() == "Ready"


@speaks_for_others
def test_a_wrong_passphrase_costs_its_owner_time_and_nobody_else(tmp_path_factory: pytest.TempPathFactory) -> None:
    disk = make_disk(tmp_path_factory.mktemp("two"), sean=SEANS)
    with KeyholderNode() as node:
        node.take(disk.folder).start("--delay", "20")
        answered = threading.Event()

        def guess() -> None:
            with contextlib.suppress(KeyholderError):
                node.ask("unlock", administrator="sean", passphrase=b"not the passphrase of sean")
            answered.set()

        guessing = threading.Thread(target=guess, daemon=True)
        guessing.start()
        while "wrong passphrase" not in node.log.read_text() and guessing.is_alive():
            assert node.state() == "Locked"
        node.ask("unlock", passphrase=PASSPHRASE)
        assert node.state() == "Ready"
        assert not answered.is_set()
    guessing.join(60)


def test_a_wrong_passphrase_is_told_apart_from_a_damaged_file(node: KeyholderNode) -> None:
    node.start()
    with pytest.raises(KeyholderError, match="this is not the passphrase") as caught:
        node.ask("unlock", passphrase=b"not the passphrase of anybody")
    assert caught.value.kind == "WrongPassphraseError"
    [identity] = node.places.keyring_folder.rglob(f"administrators/{ME}.age")
    identity.write_bytes(identity.read_bytes()[:-1])
    with pytest.raises(KeyholderError, match="damaged") as caught:
        node.ask("unlock", passphrase=PASSPHRASE)
    assert caught.value.kind == "DamagedKeyringError"
    assert "not the passphrase of" not in node.log.read_text()


def test_passphrases_stand_in_no_log(node: KeyholderNode, disk: Disk) -> None:
    node.make_ready()
    with pytest.raises(KeyholderError):
        node.ask("recover", identity=b"AGE-SECRET-KEY-1NONSENSE", new_passphrase=SEANS)
    node.ask("recover", identity=disk.identity, new_passphrase=SEANS)
    log = node.log.read_text()
    assert not [one for one in (PASSPHRASE, SEANS, disk.identity, b"NONSENSE") if one.decode() in log]


def test_an_answer_that_nobody_takes_is_told_in_the_log(node: KeyholderNode) -> None:
    node.start()
    with connect(node) as connection:
        request = encode({"verb": "renew-recovery", "administrator": ME}, {"passphrase": PASSPHRASE})
        connection.sendall(request)
    until = time.monotonic() + 30
    while "nobody took the answer" not in node.log.read_text():
        assert time.monotonic() < until, node.log.read_text()
        time.sleep(0.01)
    assert node.state() == "Locked"

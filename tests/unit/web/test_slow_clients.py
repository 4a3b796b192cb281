"""A slow or silent client blocks nobody, and is gone after a while."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from tests.door import AUDIENCE, OpenDoor, connect, make_wish, sign

from homeprod.core.errors import UnreachableError
from homeprod.core.webhook import call_content
from homeprod.web.door import Patience

pytestmark = pytest.mark.slow

SHORT = Patience(handshake=0.3, headers=0.3)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path, patience=SHORT) as door:
        yield door


def speak(door: OpenDoor) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connect("127.0.0.1", door.port))


def hear_all(line: socket.socket) -> bytes:
    """Until the node ends the connection, in whatever way."""
    heard = b""
    with suppress(ConnectionError, ssl.SSLError):  # but no TimeoutError: the node would wait for ever
        while part := line.recv(65536):
            heard += part
    return heard


def test_the_silent_are_left_and_block_nobody(tmp_path: Path) -> None:
    with OpenDoor(tmp_path, patience=Patience(handshake=60, headers=60)) as door, ExitStack() as lines:
        for _ in range(20):
            lines.enter_context(connect("127.0.0.1", door.port))
            lines.enter_context(speak(door))
            half = lines.enter_context(speak(door))
            half.sendall(b"POST /hooks/provision HTTP/1.1\r\nHost: door\r\nX-Slow: ")
            body = lines.enter_context(speak(door))
            body.sendall(b"POST /hooks/provision HTTP/1.1\r\nHost: door\r\nContent-Length: 100\r\n\r\n{")
        assert door.ring(make_wish()).status == 202


@pytest.mark.parametrize(
    "begun", [None, b"", b"POST /hooks/pro", b"GET /status HTTP/1.1\r\nHost: door\r\n"], ids=range(4)
)
def test_whoever_says_nothing_whole_is_left(door: OpenDoor, begun: bytes | None) -> None:
    with connect("127.0.0.1", door.port) if begun is None else speak(door) as line:
        if begun:
            line.sendall(begun)
        assert hear_all(line) == b""


def test_whoever_stays_silent_after_an_answer_is_left(door: OpenDoor) -> None:
    with speak(door) as line:
        line.sendall(b"GET /status HTTP/1.1\r\nHost: door\r\n\r\n")
        assert hear_all(line).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_does_not_come(door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.web.body.SECONDS", 0.2)
    head = b"POST /hooks/provision HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n"
    for length in (b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
        with speak(door) as line:
            line.sendall(head + length)
            heard = hear_all(line)
        assert heard.startswith(b"HTTP/1.1 408 ")
        assert heard.endswith(b'{"error":"too-slow"}')


def test_nobody_takes_every_place(tmp_path: Path) -> None:
    with OpenDoor(tmp_path, patience=Patience(of_address=2)) as door, ExitStack() as lines:
        first, _ = (lines.enter_context(connect("127.0.0.1", door.port)) for _ in range(2))
        with connect("127.0.0.1", door.port) as third:
            assert hear_all(third) == b""
        first.shutdown(socket.SHUT_RDWR)
        assert hear_all(first) == b""
        while True:  # its place is free a moment later; pytest's own limit ends a wait without end
            with suppress(UnreachableError):
                assert door.make_bell().status()["state"] == "Ready"
                break


def follow(door: OpenDoor, lines: ExitStack) -> ssl.SSLSocket:
    """Of a run that goes on; no more is read than that it begins."""
    door.ring(make_wish())
    turn = door.wait_for(door.node.ledger.claim("me"))
    assert turn is not None
    door.wait_for(door.node.ledger.add_events(turn.run, [json.dumps({"text": "x" * 100_000})] * 200))
    path = "/api/runs/1/events"
    signed = sign(door.sean, call_content("GET", path, AUDIENCE, b""))
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    line = lines.enter_context(speak(door))
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: door\r\n{headers}\r\n".encode())
    assert line.recv(15) == b"HTTP/1.1 200 OK"
    return line


def test_a_follower_who_does_not_read_is_left(door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.web.stream.WRITE_SECONDS", 0.2)
    with ExitStack() as lines:
        line = follow(door, lines)
        door.wait_for(wait_until_left(door))
        assert len(hear_all(line)) < 20_000_000


def test_nobody_follows_more_than_may_be_followed(door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.web.stream.MOST_OF_PERSON", 1)
    with ExitStack() as lines:
        follow(door, lines)
        heard = door.call("GET", "/api/runs/1/events")
        assert (heard.status, heard.body["error"]) == (429, "too-many-streams")


async def wait_until_left(door: OpenDoor) -> None:
    while door.node.ledger._listeners:
        await asyncio.sleep(0.02)


def test_whoever_asks_whether_a_body_may_come_is_told(door: OpenDoor) -> None:
    body = json.dumps(make_wish()).encode()
    signed = "".join(f"{name}: {value}\r\n" for name, value in sign(door.sean, body).items())
    head = f"POST /hooks/provision HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n{signed}"
    with speak(door) as line:
        line.sendall(f"{head}Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(body)
        assert hear_all(line).startswith(b"HTTP/1.1 202 ")
    with speak(door) as line:
        line.sendall(f"{head}Expect: 100-continue\r\nContent-Length: 30000\r\n\r\n".encode())
        assert hear_all(line).startswith(b"HTTP/1.1 413 ")

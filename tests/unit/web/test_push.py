"""Knocks at the door: anybody's, answered at once in every state, never read, and not too often of one address."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.door import OpenDoor

from homeprod.control.state import NodeState
from homeprod.web.access import Limits
from homeprod.web.limit import Rate


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as door:
        yield door


@pytest.mark.parametrize("state", [NodeState.READY, NodeState.LOCKED, NodeState.NEW])
def test_whoever_knocks_is_heard_in_every_state(door: OpenDoor, state: NodeState) -> None:
    door.node.is_in = state
    for body, kind in ((b"", ""), (b'{"ref": "refs/heads/lab"}', "application/json"), (b"\xff" * 100, "x/y")):
        heard = door.send("POST", "/hooks/push", body, {"Content-Type": kind} if kind else {})
        assert (heard.status, heard.body) == (202, {"heard": True})
    assert door.node.knocks == 3


def test_what_it_says_is_not_read_however_much_it_is(door: OpenDoor) -> None:
    """A git host's payload may have 25 MB; what a stranger announces may have any size."""
    context = ssl.create_default_context(cadata=door.certificate)
    context.check_hostname = False
    for more in (b"", b"Expect: 100-continue\r\n"):
        with (
            socket.create_connection(("127.0.0.1", door.port), 20) as line,
            context.wrap_socket(line) as secure,
        ):
            head = b"POST /hooks/push HTTP/1.1\r\nHost: node\r\nContent-Length: 99999999999\r\n"
            secure.sendall(head + more + b"\r\n" + b"x" * 1000)
            assert secure.recv(100).startswith(b"HTTP/1.1 202 ")
    assert door.node.knocks == 2


def test_one_address_alone_may_not_knock_without_end(tmp_path: Path) -> None:
    with OpenDoor(tmp_path, limits=Limits(push=Rate(0.001, 5))) as door:
        answers = [door.send("POST", "/hooks/push").status for _ in range(8)]
        assert answers == [202] * 5 + [429] * 3
        assert door.node.knocks == 5
        assert door.send("GET", "/status").status == 200, "which is another matter"
        assert b'homeprod_answers_total{call="push",code="429"} 3.0' in door.send("GET", "/metrics").content


def test_it_is_posted_or_nothing(door: OpenDoor) -> None:
    assert door.send("GET", "/hooks/push").status == 405
    assert door.node.knocks == 0

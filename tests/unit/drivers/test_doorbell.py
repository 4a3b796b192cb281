"""The client against the real door."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.door import AUDIENCE, HOST_KEY, OTHER_HOST_KEY, OpenDoor, connect

from homeprod.control.certificate import make_certificate
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.control.state import NodeState
from homeprod.core.errors import ControlError, UnreachableError, UsageError
from homeprod.drivers.doorbell import Doorbell, Reply
from homeprod.web.access import Limits
from homeprod.web.limit import Rate


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as door:
        yield door


def test_a_ring_is_accepted(door: OpenDoor) -> None:
    answer = door.make_bell().ring("lab-proxy", "4001020-a", (f"{HOST_KEY} root@lab-proxy",))
    assert (answer.words, answer.waits, answer.run) == ("accepted as run 1", "", 1)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (NodeState.LOCKED, "lab-ansible is locked; unlock it: ssh -t lab-ansible unlock"),
        (NodeState.NEW, "lab-ansible is new; bootstrap it: ssh -t lab-ansible bootstrap"),
    ],
)
def test_why_a_host_waits(door: OpenDoor, state: NodeState, words: str) -> None:
    door.node.is_in = state
    answer = door.make_bell(sleep=pytest.fail).ring("lab-proxy", "4001020-a", (HOST_KEY,))
    assert (answer.waits, answer.run) == (words, 0)


def test_a_host_waits_for_trust(door: OpenDoor) -> None:
    bell = door.make_bell()
    bell.ring("lab-proxy", "4001020-a", (HOST_KEY,))
    assert "homeprod control trust lab-proxy" in bell.ring("lab-proxy", "4001020-b", (OTHER_HOST_KEY,)).waits


@pytest.mark.parametrize(
    ("host", "words", "hint"),
    [
        ("lab-nobody", "does not find this host", "homeprod render"),
        ("prod-proxy", "configured by prod-ansible", ""),
        ("No Name", "the host's name is none", ""),
    ],
)
def test_what_repeating_does_not_help(door: OpenDoor, host: str, words: str, hint: str) -> None:
    with pytest.raises(ControlError, match=words) as caught:
        door.make_bell().ring(host, "4001020-a", (HOST_KEY,))
    assert not isinstance(caught.value, UnreachableError)
    assert hint in caught.value.hint


def test_a_signature_that_is_not_accepted(door: OpenDoor) -> None:
    with pytest.raises(ControlError, match=r"does not accept the signature$"):
        door.make_bell(door.stranger).ring("lab-proxy", "4001020-a", (HOST_KEY,))


def test_a_clock_that_is_off_is_named(door: OpenDoor) -> None:
    bell = door.make_bell(now=lambda: 1_000_000_000.0)
    with pytest.raises(ControlError, match=r"its clock is .* s ahead of this machine's"):
        bell.ring("lab-proxy", "4001020-a", (HOST_KEY,))


def test_nothing_is_sent_to_another_certificate(door: OpenDoor, tmp_path: Path) -> None:
    make_certificate(tmp_path / "other", "lab-ansible")
    other = (tmp_path / "other" / "certificate.pem").read_text()
    with pytest.raises(ControlError, match="another certificate") as caught:
        Doorbell(door.url, AUDIENCE, other, None, connect).status()
    assert not isinstance(caught.value, UnreachableError)


def test_nobody_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    make_certificate(tmp_path, "lab-ansible")
    pauses: list[float] = []
    bell = Doorbell(
        f"https://127.0.0.1:{port}",
        AUDIENCE,
        (tmp_path / "certificate.pem").read_text(),
        None,
        connect,
        sleep=pauses.append,
    )
    with pytest.raises(UnreachableError, match="does not answer: Connection refused"):
        bell.status()
    assert pauses == []


class Forgetful(Doorbell):
    """Loses its first answers, after the node took what was asked."""

    lost = 0

    def _send(self, *request: Any) -> Reply:
        reply = super()._send(*request)
        if self.lost:
            self.lost -= 1
            raise UnreachableError("cut off")
        return reply


def test_a_ring_whose_answer_is_lost_is_one_run_all_the_same(door: OpenDoor) -> None:
    pauses: list[float] = []
    bell = Forgetful(door.url, AUDIENCE, door.certificate, door.make_bell().signer, connect, sleep=pauses.append)
    bell.lost = 2
    assert bell.ring("lab-proxy", "4001020-a", (HOST_KEY,)).run == 1
    assert pauses == [1.0, 2.0]
    assert len(door.wait_for(door.node.ledger.runs())) == 1
    bell.lost = 3
    with pytest.raises(UnreachableError):
        bell.ring("lab-proxy", "4001020-a", (HOST_KEY,))


def test_a_call_is_sent_once(door: OpenDoor) -> None:
    door.make_bell().ring("lab-proxy", "4001020-a", (HOST_KEY,))
    bell = Forgetful(door.url, AUDIENCE, door.certificate, door.make_bell().signer, connect, sleep=pytest.fail)
    bell.lost = 1
    with pytest.raises(UnreachableError):
        bell.post("/api/runs/1/cancel")


def test_a_busy_node_is_waited_for_within_a_limit(tmp_path: Path) -> None:
    with OpenDoor(tmp_path, limits=Limits(signer=Rate(0.05, 1))) as door:
        pauses: list[float] = []
        bell = door.make_bell(sleep=pauses.append, patience=50.0)
        assert bell.ring("lab-proxy", "4001020-a", (HOST_KEY,)).run == 1
        with pytest.raises(ControlError, match="429"):
            bell.ring("lab-proxy", "4001020-b", (HOST_KEY,))
        assert len(pauses) == 2
        assert all(15 < pause <= 20 for pause in pauses)


def test_without_a_key_only_the_status_is_told(door: OpenDoor) -> None:
    bell = Doorbell(door.url, AUDIENCE, door.certificate, None, connect)
    assert bell.status()["state"] == "Ready"
    with pytest.raises(UsageError, match="no key to sign with"):
        bell.get("/api/runs")


def test_what_a_person_types_stays_in_its_place(door: OpenDoor) -> None:
    assert door.make_bell().get("/api/runs?limit=5&host=a b\r\nX: é")["runs"] == []
    with pytest.raises(ControlError, match="404"):
        door.make_bell().post("/api/hosts/a b/retry")


def test_a_run_is_followed_to_its_end(door: OpenDoor) -> None:
    ledger, bell = door.node.ledger, door.make_bell(sleep=lambda _: None)
    bell.ring("lab-proxy", "4001020-a", (HOST_KEY,))
    turn = door.wait_for(ledger.claim("me"))
    assert turn is not None
    door.wait_for(ledger.add_events(turn.run, [json.dumps({"event": "a"}), json.dumps({"event": "b"})]))
    heard = bell.follow("/api/runs/1/events")
    assert [next(heard) for _ in range(2)] == [{"seq": 1, "event": "a"}, {"seq": 2, "event": "b"}]
    door.wait_for(ledger.add_events(turn.run, [json.dumps({"event": "c"})]))
    door.wait_for(ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 10))
    assert next(heard) == {"seq": 3, "event": "c"}
    assert next(heard)["end"]["status"] == "successful"
    assert list(heard) == []

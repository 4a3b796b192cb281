"""POST /hooks/provision: each documented answer, and what is stored by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.door import HOST_KEY, OTHER_HOST_KEY, FakePlace, OpenDoor, make_id, make_wish, sign

from homeprod.control.hosts.host import HostState
from homeprod.control.state import NodeState
from homeprod.core.webhook import MOST_BYTES, SIGNATURE
from homeprod.web.access import Limits
from homeprod.web.limit import Rate


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as door:
        yield door


def test_a_good_ring_is_a_run_that_is_durable(door: OpenDoor) -> None:
    heard = door.ring(make_wish())
    assert heard.status == 202
    run = door.wait_for(door.node.ledger.run(heard.body["run"]))
    assert (run.host, run.environment, run.rung_by) == ("lab-proxy", "lab", "sean")
    host = door.wait_for(door.node.ledger.host("lab-proxy"))
    assert (host.wanted_instance, host.host_keys, host.state) == ("4001020-abc", (HOST_KEY,), HostState.DUE)


def test_the_same_ring_again_is_the_same_run(door: OpenDoor) -> None:
    again = make_id()
    first, second = (door.ring(make_wish(), message_id=again) for _ in range(2))
    assert (first.body["run"], first.body["is_new"]) == (second.body["run"], True)
    assert (second.status, second.body["is_new"]) == (202, False)


def test_an_id_with_another_body_is_refused(door: OpenDoor) -> None:
    again = make_id()
    door.ring(make_wish(), message_id=again)
    heard = door.ring(make_wish(instance="other"), message_id=again)
    assert (heard.status, heard.body["error"]) == (409, "other-body")


def test_too_large_by_its_word_or_after_all(door: OpenDoor) -> None:
    body = json.dumps({**make_wish(), "host": "x" * MOST_BYTES}).encode()
    assert door.ring(body).status == 413


def test_no_json_by_its_type_or_compressed(door: OpenDoor) -> None:
    assert door.ring(make_wish(), Content_Type="text/plain").status == 415
    assert door.ring(make_wish(), Content_Encoding="gzip").status == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{}",
        b"[" * 15_000,
        json.dumps(make_wish()).encode("utf-16"),
        b'{"host": "a", "host": "lab-proxy", "instance": "i", "ssh_host_keys": []}',
        json.dumps({**make_wish(), "address": "10.0.0.1"}).encode(),
        json.dumps({**make_wish(), "host": 7}).encode(),
        json.dumps({**make_wish(), "ssh_host_keys": "ssh-ed25519"}).encode(),
        json.dumps({**make_wish(), "ssh_host_keys": [1]}).encode(),
        b'{"host": "lab-proxy", "instance": "i", "ssh_host_keys": [], "n": ' + b"9" * 9000 + b"}",
    ],
    ids=range(13),
)
def test_malformed(door: OpenDoor, body: bytes) -> None:
    assert door.ring(body).status == 400


def test_signatures_that_are_not_good(door: OpenDoor) -> None:
    assert door.ring(make_wish(), door.stranger).status == 401
    assert door.ring(make_wish(), at=-301).status == 401
    assert door.ring(make_wish(), at=302).status == 401
    assert door.ring(make_wish(), message_id="msg_short").status == 401
    assert door.ring(make_wish(), message_id="evt_0123456789abcdef").status == 401
    for value in ("", "v1,AAAA", "v1a,AAAA", "v1a,!!!", "v1a"):
        assert door.ring(make_wish(), **{SIGNATURE: value}).status == 401
    heard = door.ring(make_wish(), door.stranger)
    assert heard.body == {"error": "signature"}
    assert door.wait_for(door.node.ledger.hosts()) == []


def test_one_good_signature_among_several_is_enough(door: OpenDoor) -> None:
    body = json.dumps(make_wish()).encode()
    headers = sign(door.sean, body)
    headers[SIGNATURE] = f"v1,AAAA v1a,{'A' * 86}== {headers[SIGNATURE]}"
    assert door.send("POST", "/hooks/provision", body, {"Content-Type": "application/json", **headers}).status == 202


@pytest.mark.parametrize(
    "wish",
    [
        make_wish(host="Lab-Proxy"),
        make_wish(host="../etc"),
        make_wish(host="lab-proxy\n"),
        make_wish(host=""),
        make_wish(instance=""),
        make_wish(instance="a b"),
        make_wish(instance="x" * 200),
        make_wish(key="ssh-rsa AAAAB3NzaC1yc2E="),
        make_wish(key="ssh-ed25519 AAAA"),
        make_wish(key=HOST_KEY + "\nssh-ed25519 AAAA"),
        make_wish(key=f"* {HOST_KEY}"),
        {**make_wish(), "ssh_host_keys": [HOST_KEY] * 9},
    ],
    ids=range(12),
)
def test_values_that_cannot_be_right(door: OpenDoor, wish: object) -> None:
    heard = door.ring(wish)
    assert (heard.status, heard.body["error"]) == (422, "unfit")
    assert door.wait_for(door.node.ledger.hosts()) == []


def test_a_comment_behind_a_key_is_left_out(door: OpenDoor) -> None:
    assert door.ring(make_wish(key=f"{HOST_KEY} root@lab-proxy\n")).status == 202
    assert door.wait_for(door.node.ledger.host("lab-proxy")).host_keys == (HOST_KEY,)


def test_new_stores_nothing(door: OpenDoor) -> None:
    door.node.is_in = NodeState.NEW
    heard = door.ring(make_wish())
    assert (heard.status, heard.body["error"], heard.headers["Retry-After"]) == (503, "new", "60")
    assert door.wait_for(door.node.ledger.hosts()) == []


def test_locked_stores_only_what_is_wanted(door: OpenDoor) -> None:
    door.node.is_in = NodeState.LOCKED
    again = make_id()
    heard = door.ring(make_wish(), message_id=again)
    assert (heard.status, heard.body["error"], heard.body["node"]) == (503, "locked", "lab-ansible")
    host = door.wait_for(door.node.ledger.host("lab-proxy"))
    assert (host.wanted_instance, host.host_keys, host.state) == ("4001020-abc", (HOST_KEY,), HostState.IDLE)
    assert door.wait_for(door.node.ledger.runs()) == []
    assert door.ring(make_wish(), door.stranger).status == 401
    door.node.is_in = NodeState.READY
    assert door.ring(make_wish(), message_id=again).status == 202


def test_an_old_ring_sent_again_while_locked_undoes_nothing(door: OpenDoor) -> None:
    door.node.is_in = NodeState.LOCKED
    old = make_id()
    door.ring(make_wish(instance="old"), message_id=old)
    door.ring(make_wish(instance="new"))
    assert door.ring(make_wish(instance="old"), message_id=old).status == 503
    assert door.wait_for(door.node.ledger.host("lab-proxy")).wanted_instance == "new"


def test_a_host_that_the_inventory_does_not_know(door: OpenDoor) -> None:
    heard = door.ring(make_wish("lab-nobody"))
    assert (heard.status, heard.body["error"]) == (404, "unknown-host")
    assert door.wait_for(door.node.ledger.hosts()) == []


def test_a_host_that_was_pushed_just_now(door: OpenDoor) -> None:
    door.node.pushed = {"lab-fresh": FakePlace("lab")}
    assert door.ring(make_wish("lab-fresh")).status == 202


def test_an_inventory_that_is_long_in_coming(door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.web.ring.LOOK_SECONDS", 0.05)
    door.node.look_seconds = 60
    heard = door.ring(make_wish("lab-fresh"))
    assert (heard.status, heard.body["error"], heard.headers["Retry-After"]) == (503, "looking", "5")


@pytest.mark.parametrize("state", [NodeState.READY, NodeState.LOCKED])
def test_a_full_disk_stores_nothing_and_says_so(door: OpenDoor, state: NodeState) -> None:
    door.node.is_in = state
    door.node.hosts |= {f"host-{count}": FakePlace("lab") for count in range(150)}
    _limit_pages(door, 1)
    for count in range(150):
        host, again = f"host-{count}", make_id()
        heard = door.ring(make_wish(host), message_id=again)
        if heard.body.get("error") == "storage":
            break
    assert (heard.status, heard.body["error"], heard.headers["Retry-After"]) == (503, "storage", "10")
    assert host not in {one.name for one in door.wait_for(door.node.ledger.hosts())}
    _limit_pages(door, 100_000)
    assert door.ring(make_wish(host), message_id=again).status == (202 if state is NodeState.READY else 503)
    assert door.wait_for(door.node.ledger.host(host)).wanted_instance == "4001020-abc"


def _limit_pages(door: OpenDoor, number: int) -> None:
    """SQLite takes the number of those that are there, where it is larger; then it says that the disk is full."""
    door.wait_for(
        door.node.ledger._writer.write(lambda to: to.execute(f"PRAGMA max_page_count = {number}").fetchall())
    )


def test_a_mistake_of_ours_tells_nothing(
    door: OpenDoor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("canary-words")

    monkeypatch.setattr(door.node, "inventory", fail)
    heard = door.ring(make_wish())
    assert (heard.status, heard.body) == (500, {"error": "mistake"})
    said = [record.getMessage() for record in caplog.records]
    assert [one.rpartition(":")[0] for one in said] == [f"a mistake of homeprod's own: RuntimeError at {__name__}"]
    assert door.wait_for(door.node.ledger.hosts()) == []


def test_a_host_of_another_control_node_names_it(door: OpenDoor) -> None:
    heard = door.ring(make_wish("prod-proxy"))
    assert (heard.status, heard.body["control_node"]) == (409, "prod-ansible")


def test_another_key_is_held_until_an_administrator_says_so(door: OpenDoor) -> None:
    door.ring(make_wish())
    heard = door.ring(make_wish(key=OTHER_HOST_KEY))
    assert (heard.status, heard.body["error"]) == (409, "held")
    host = door.call("GET", "/api/hosts/lab-proxy").body["host"]
    path, body = "/api/hosts/lab-proxy/trust", {"fingerprints": host["held_keys"]}
    assert door.call("POST", path, body).status == 403
    assert door.call("POST", path, {"fingerprints": host["host_keys"]}, door.admin).status == 409
    assert door.call("POST", path, body, door.admin).status == 202
    assert door.wait_for(door.node.ledger.host("lab-proxy")).host_keys == (OTHER_HOST_KEY,)


def test_too_many_rings_of_a_person(tmp_path: Path) -> None:
    with OpenDoor(tmp_path, limits=Limits(signer=Rate(0.001, 2))) as door:
        assert [door.ring(make_wish()).status for _ in range(3)] == [202, 202, 429]
        assert int(door.ring(make_wish()).headers["Retry-After"]) > 60
        assert door.ring(make_wish(), door.admin).status == 202


def test_too_many_bad_signatures_of_an_address(tmp_path: Path) -> None:
    with OpenDoor(tmp_path, limits=Limits(address=Rate(0.001, 2))) as door:
        assert [door.ring(make_wish(), door.stranger).status for _ in range(3)] == [401, 401, 429]
        assert door.ring(make_wish()).status == 202  # who shares the address is not kept out


def test_a_removed_key_is_refused_from_then_on(door: OpenDoor) -> None:
    assert door.ring(make_wish()).status == 202
    door.node.known = door.settings.model_copy(update={"ringers": ()})
    assert door.ring(make_wish()).status == 401


def test_no_answer_names_what_it_is_made_with(door: OpenDoor) -> None:
    for heard in (door.ring(make_wish()), door.send("GET", "/nothing"), door.send("GET", "/metrics")):
        assert heard.headers["Server"] == "homeprod"

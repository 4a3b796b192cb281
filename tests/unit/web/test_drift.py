"""What people are told of drift, and what everybody is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.door import OpenDoor, make_wish
from tests.unit.control.hosts.test_checks import LATE, MOTD

from homeprod.control.hosts.condition import DriftTask, Finding
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome

USER = DriftTask("people", "base", "sean")


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    """Of a node with a host that is configured."""
    with OpenDoor(tmp_path) as door:
        door.ring(make_wish())
        door.wait_for(configure(door))
        yield door


async def configure(door: OpenDoor) -> None:
    turn = await door.node.ledger.claim("me")
    assert turn is not None
    await door.node.ledger.begin(turn.run, "r1")
    await door.node.ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 200)


async def check(door: OpenDoor, found: Finding) -> None:
    ledger = door.node.ledger
    await ledger.checks.plan({"lab-proxy": 0.0}, {"lab-proxy"})
    turn = await ledger.checks.claim("me")
    assert turn is not None
    await ledger.begin(turn.run, "r1")
    await ledger.checks.end(turn.run, found, lambda _: None, 200)


def test_before_anybody_has_looked_nothing_is_said_to_be_right(door: OpenDoor) -> None:
    [told] = door.call("GET", "/api/drift").body["hosts"]
    assert (told["host"], told["drift"], told["tasks"], told["checked"]) == ("lab-proxy", None, [], None)
    assert (told["policy"], told["every"], told["next"]) == ("report", 60, "")
    assert told["next_check"] > 0
    assert door.call("GET", "/api/hosts/lab-proxy").body["host"]["drift"] is None


def test_each_task_is_told_with_its_difference_and_what_comes_of_it(door: OpenDoor) -> None:
    door.wait_for(check(door, Finding(RunStatus.SUCCESSFUL, drift=(MOTD, USER), more=3)))
    [told] = door.call("GET", "/api/drift/lab-proxy").body["hosts"]
    assert (told["drift"], [task["target"] for task in told["tasks"]]) == (5, ["/etc/motd", "sean"])
    assert (told["tasks"][0]["diff"], told["tasks"][0]["is_idempotent"]) == ("-old\n+new", True)
    assert told["next"] == "stays as it is: the environment's policy is to report"
    host = door.call("GET", "/api/hosts").body["hosts"][0]
    assert (host["drift"], host["late"], host["drift_since"]) == (5, None, told["drift_since"])
    runs = door.call("GET", "/api/runs?kind=check").body["runs"]
    assert [(run["kind"], run["status"]) for run in runs] == [("check", "successful")]
    assert len(door.call("GET", "/api/runs").body["runs"]) == 2


def test_everybody_is_told_how_many_and_not_which(door: OpenDoor) -> None:
    door.wait_for(check(door, Finding(RunStatus.SUCCESSFUL, drift=(MOTD,))))
    status = door.send("GET", "/status")
    assert status.body["upkeep"] == {"drifting": 1, "late": 0, "ill": 0}
    assert status.body["hosts"]["waiting"] == 0, "it was configured as it should be"
    assert b"motd" not in status.content
    metrics = door.send("GET", "/metrics").content
    assert b"homeprod_hosts_drifting 1.0" in metrics
    assert b"homeprod_hosts_late 0.0" in metrics


def test_a_late_host_is_told_with_its_time(door: OpenDoor) -> None:
    door.wait_for(check(door, LATE))
    [told] = door.call("GET", "/api/drift").body["hosts"]
    assert told["late"] is not None
    assert (told["drift"], told["problem"]) == (None, "the host did not answer")
    assert door.send("GET", "/status").body["upkeep"]["late"] == 1


def test_of_a_host_that_is_not_known_and_without_a_signature_nothing_is_told(door: OpenDoor) -> None:
    assert door.call("GET", "/api/drift/nobody").body["error"] == "unknown-host"
    for path in ("/api/drift", "/api/drift/lab-proxy"):
        assert door.send("GET", path).body == {"error": "signature"}

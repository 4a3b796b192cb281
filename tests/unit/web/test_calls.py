"""The calls of people, each signed, each signature counting once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.app_words import COMMIT, NEWER, tell_app, tell_apps
from tests.door import AUDIENCE, HOST_KEY, OTHER_HOST_KEY, SITE_ID, FakePlace, OpenDoor, make_id, make_wish, sign

from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.control.state import NodeState
from homeprod.control.trouble import Trouble
from homeprod.core.webhook import call_content
from homeprod.web.access import Limits
from homeprod.web.limit import Rate

CALLS = (
    ("GET", "/api/status"),
    ("GET", "/api/hosts"),
    ("GET", "/api/hosts/lab-proxy"),
    ("POST", "/api/hosts/lab-proxy/retry"),
    ("POST", "/api/hosts/lab-proxy/check"),
    ("POST", "/api/hosts/lab-proxy/trust"),
    ("GET", "/api/runs"),
    ("GET", "/api/runs/1"),
    ("GET", "/api/runs/1/events"),
    ("POST", "/api/runs/1/cancel"),
)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as door:
        yield door


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nothing_is_told_without_a_signature(door: OpenDoor, method: str, path: str) -> None:
    door.ring(make_wish())
    body = b"{}" if method == "POST" else b""
    json_type = {"Content-Type": "application/json"}
    for headers in ({}, sign(door.stranger, call_content(method, path, AUDIENCE, body)), sign(door.sean, body)):
        heard = door.send(method, path, body, {**json_type, **headers})
        assert (heard.status, heard.body) == (401, {"error": "signature"})


@pytest.mark.parametrize("node", ["prod-ansible", ""])
def test_a_signature_fits_its_node_alone(door: OpenDoor, node: str) -> None:
    """So that a node which was taken over cannot use at another what it was sent."""
    signed = sign(door.admin, call_content("GET", "/api/runs", f"{SITE_ID}/{node}", b""))
    heard = door.send("GET", "/api/runs", b"", signed)
    assert (heard.status, heard.body) == (401, {"error": "signature"})


def test_a_signature_fits_its_call_alone(door: OpenDoor) -> None:
    door.ring(make_wish())
    signed = sign(door.admin, call_content("POST", "/api/runs/1/cancel", AUDIENCE, b"{}"))
    headers = {"Content-Type": "application/json", **signed}
    for path, body in (
        ("/api/runs/2/cancel", b"{}"),
        ("/api/runs/1/cancel?x=1", b"{}"),
        ("/api/hosts/lab-proxy/retry", b"{}"),
        ("/api/runs/1/cancel", b"{ }"),
    ):
        assert door.send("POST", path, body, headers).status == 401
    assert door.send("POST", "/api/runs/1/cancel", b"{}", headers).status == 202


def test_a_signature_counts_once(door: OpenDoor) -> None:
    again = make_id()
    assert door.call("GET", "/api/hosts", message_id=again).status == 200
    assert door.call("GET", "/api/hosts", message_id=again).status == 401


def test_what_changed_something_counts_once_after_a_restart_too(tmp_path: Path) -> None:
    with OpenDoor(tmp_path) as door:
        door.ring(make_wish())
        again = make_id()
        signed = sign(
            door.sean, call_content("POST", "/api/hosts/lab-proxy/retry", AUDIENCE, b"{}"), message_id=again
        )
        headers = {"Content-Type": "application/json", **signed}
        assert door.send("POST", "/api/hosts/lab-proxy/retry", b"{}", headers).status == 202
        door.restart()
        assert door.send("POST", "/api/hosts/lab-proxy/retry", b"{}", headers).status == 401


def test_hosts_and_runs_as_they_are(door: OpenDoor) -> None:
    door.ring(make_wish())
    hosts = door.call("GET", "/api/hosts").body
    assert [host["name"] for host in hosts["hosts"]] == ["lab-proxy"]
    assert hosts["waiting_for_apply"] == ["lab-coder"]
    assert hosts["hosts"][0]["wanted"]["instance"] == "4001020-abc"
    assert hosts["hosts"][0]["host_keys"][0].startswith("SHA256:")
    runs = door.call("GET", "/api/runs?limit=10&host=lab-proxy").body["runs"]
    assert [(run["id"], run["host"], run["status"], run["rung_by"]) for run in runs] == [
        (1, "lab-proxy", "queued", "sean")
    ]
    assert door.call("GET", "/api/runs?host=other").body["runs"] == []
    assert door.call("GET", "/api/runs/1").body["run"] == runs[0]


def test_what_is_not_there(door: OpenDoor) -> None:
    for method, path, words in (
        ("GET", "/api/hosts/nobody", "unknown-host"),
        ("POST", "/api/hosts/nobody/retry", "unknown-host"),
        ("POST", "/api/hosts/nobody/check", "unknown-host"),
        ("GET", "/api/runs/9", "unknown-run"),
        ("POST", "/api/runs/9/cancel", "unknown-run"),
        ("GET", "/api/runs/9/events", "unknown-run"),
    ):
        heard = door.call(method, path, {} if method == "POST" else None)
        assert (heard.status, heard.body["error"]) == (404, words)
    for path in ("/page", "/api", "/api/hosts/", "/api/runs/x", "/hooks", "//status"):
        assert door.send("GET", path).status == 404
    assert door.send("PUT", "/hooks/provision").status == 405
    assert door.send("POST", "/status").status == 405


@pytest.mark.parametrize("path", ["/api/runs?limit=x", "/api/runs?limit=-1", "/api/runs?limit=9999999999999999999"])
def test_numbers_that_are_none(door: OpenDoor, path: str) -> None:
    assert door.call("GET", path).status == 400


def test_retry_and_cancel(door: OpenDoor) -> None:
    door.ring(make_wish())
    turn = door.wait_for(door.node.ledger.claim("me"))
    assert turn is not None
    door.wait_for(door.node.ledger.end(turn.run, Outcome(RunStatus.FAILED, "no route"), 10))
    heard = door.call("POST", "/api/hosts/lab-proxy/retry", {})
    assert (heard.status, heard.body["run"]) == (202, 2)
    heard = door.call("POST", "/api/runs/2/cancel", {})
    assert (heard.status, heard.body["run"]["status"]) == (202, "queued")
    run = door.wait_for(door.node.ledger.run(2))
    assert (run.status, run.canceled_by) == (RunStatus.CANCELED, "sean")


def test_a_host_is_asked_now_where_it_is_configured_and_somebody_looks_after_it(door: OpenDoor) -> None:
    door.ring(make_wish())
    heard = door.call("POST", "/api/hosts/lab-proxy/check", {})
    assert (heard.status, heard.body["error"]) == (409, "unconfigured")
    assert heard.body["hint"] == "  homeprod configure lab-proxy"
    turn = door.wait_for(door.node.ledger.claim("me"))
    assert turn is not None
    door.wait_for(door.node.ledger.begin(turn.run, "r1"))
    door.wait_for(door.node.ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 10))
    heard = door.call("POST", "/api/hosts/lab-proxy/check", {})
    assert (heard.status, heard.body) == (202, {"host": "lab-proxy"})
    asked = door.wait_for(door.node.ledger.checks.claim("me"))
    assert asked is not None
    environments = tuple(one.model_copy(update={"upkeep": None}) for one in door.node.settings().environments)
    door.node.known = door.node.settings().model_copy(update={"environments": environments})
    heard = door.call("POST", "/api/hosts/lab-proxy/check", {})
    assert (heard.status, heard.body["error"]) == (409, "not-kept")


@pytest.mark.parametrize("state", [NodeState.NEW, NodeState.LOCKED])
def test_no_run_is_asked_for_unless_the_node_is_ready(door: OpenDoor, state: NodeState) -> None:
    door.ring(make_wish())
    door.ring(make_wish(key=OTHER_HOST_KEY))
    door.node.is_in = state
    held = door.call("GET", "/api/hosts/lab-proxy").body["host"]["held_keys"]
    for verb, body in (("retry", {}), ("check", {}), ("trust", {"fingerprints": held})):
        heard = door.call("POST", f"/api/hosts/lab-proxy/{verb}", body, door.admin)
        assert (heard.status, heard.body["error"]) == (503, state.value.lower())
        assert "nothing was done" in heard.body["message"]
    assert len(door.wait_for(door.node.ledger.runs())) == 1
    assert door.wait_for(door.node.ledger.host("lab-proxy")).host_keys == (HOST_KEY,)


def test_status_and_metrics_tell_no_names(door: OpenDoor) -> None:
    door.node.hosts["canary-host"] = FakePlace("lab")
    why = "waiting: vault repository: the git host refuses the deploy key of canary.example"
    door.node.noted = [Trouble("vault repository", why, 1_700_000_123.4)]
    door.ring(make_wish("canary-host", "canary-instance"))
    door.ring(make_wish(), door.stranger)
    for state in (NodeState.NEW, NodeState.LOCKED, NodeState.READY):
        door.node.is_in = state
        status, metrics = door.send("GET", "/status"), door.send("GET", "/metrics")
        assert (status.body["state"], status.body["hosts"]["waiting"]) == (state.value, 1)
        assert f'homeprod_node_state{{state="{state.value}"}} 1.0' in metrics.content.decode()
        for heard in (status, metrics):
            assert heard.status == 200
            assert b"canary" not in heard.content
            assert HOST_KEY.split()[1].encode() not in heard.content
    assert status.body["waiting"] == [{"for": "vault repository", "since": 1_700_000_123}]
    told = door.call("GET", "/api/status").body
    assert {**told, "problems": [why]} == {**status.body, "problems": [why]} == told
    lines = metrics.content.decode().splitlines()
    assert 'homeprod_answers_total{call="ring",code="202"} 1.0' in lines
    assert 'homeprod_answers_total{call="ring",code="401"} 1.0' in lines
    assert 'homeprod_runs{status="queued"} 1.0' in lines
    assert "homeprod_hosts_waiting 1.0" in lines


def test_the_public_is_limited_too(tmp_path: Path) -> None:
    with OpenDoor(tmp_path, limits=Limits(public=Rate(0.001, 2))) as door:
        assert [door.send("GET", path).status for path in ("/status", "/metrics", "/status")] == [200, 200, 429]


def test_a_stream_takes_up_where_it_was(door: OpenDoor) -> None:
    door.ring(make_wish())
    ledger = door.node.ledger
    turn = door.wait_for(ledger.claim("me"))
    assert turn is not None
    door.wait_for(ledger.add_events(turn.run, [json.dumps({"n": n}) for n in range(1, 451)]))
    door.wait_for(ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 10))
    heard = door.call("GET", "/api/runs/1/events?after=447")
    assert heard.headers["Content-Type"] == "text/event-stream"
    blocks = heard.content.decode().strip().split("\n\n")
    assert blocks[:3] == [f'id: {n}\ndata: {{"n": {n}}}' for n in (448, 449, 450)]
    assert blocks[3].startswith('event: end\ndata: {"id": 1')
    assert door.call("GET", "/api/runs/1/events").content.count(b"id: ") == 450


def test_an_administrator_has_a_host_forgotten_in_every_state(door: OpenDoor) -> None:
    for state in (NodeState.READY, NodeState.LOCKED):
        door.node.is_in = NodeState.READY
        door.ring(make_wish())
        door.node.is_in = state
        heard = door.call("POST", "/api/hosts/lab-proxy/forget", {})
        assert (heard.status, heard.body["error"]) == (403, "not-administrator")
        heard = door.call("POST", "/api/hosts/lab-proxy/forget", {}, door.admin)
        assert (heard.status, heard.body["host"]["name"]) == (200, "lab-proxy")
        assert door.call("GET", "/api/hosts").body["hosts"] == []
    assert door.call("POST", "/api/hosts/lab-proxy/forget", {}, door.admin).status == 404


def test_a_host_that_is_being_configured_is_not_forgotten(door: OpenDoor) -> None:
    door.ring(make_wish())
    door.wait_for(door.node.ledger.claim("me"))
    heard = door.call("POST", "/api/hosts/lab-proxy/forget", {}, door.admin)
    assert (heard.status, heard.body["error"]) == (409, "running")
    assert "cancel it" in heard.body["hint"]


def test_a_host_says_whether_it_is_in_the_inventory(door: OpenDoor) -> None:
    door.ring(make_wish())
    places = dict(door.node.hosts)
    for hosts, is_in in ((places, True), ({"lab-coder": places["lab-coder"]}, False), ({}, None)):
        door.node.hosts = hosts
        assert door.call("GET", "/api/hosts/lab-proxy").body["host"]["is_in_inventory"] is is_in


def test_a_hosts_apps_are_told_as_it_said(door: OpenDoor) -> None:
    door.ring(make_wish())
    nothing = door.call("GET", "/api/hosts/lab-proxy").body["host"]
    assert (nothing["apps"], nothing["apps_seen"], nothing["apps_problem"]) == (None, None, "")
    door.say_apps(tell_apps(tell_app(), tell_app("cloud", "late", wanted=NEWER, problem="no image")))
    for told in (
        door.call("GET", "/api/hosts").body["hosts"][0],
        door.call("GET", "/api/hosts/lab-proxy").body["host"],
    ):
        assert told["apps_seen"] - told["apps_looked"] == pytest.approx(60)
        wiki, cloud = told["apps"]
        assert wiki == {
            "name": "wiki", "state": "current", "applied": COMMIT[:12], "wanted": None, "verified": "zoe",
            "since": told["apps_seen"] - 3060, "problem": "",
        }  # fmt: skip
        assert (cloud["state"], cloud["wanted"], cloud["problem"]) == ("late", NEWER[:12], "no image")
    assert "wiki" not in str(door.send("GET", "/status").body), "a stranger hears nothing of it"
    assert door.send("GET", "/status").body["upkeep"]["ill"] == 0
    door.ring(make_wish(instance="4001020-new"))
    door.say_apps(tell_apps(tell_app("cloud", "failed")))
    assert door.send("GET", "/status").body["upkeep"]["ill"] == 1
    metrics = door.send("GET", "/metrics").content
    assert b"homeprod_hosts_ill 1.0" in metrics
    assert b"cloud" not in metrics

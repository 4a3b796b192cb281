"""POST /api/snapshot: what somebody saw in Proxmox, kept as their word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.door import AUDIENCE, OpenDoor, make_id, sign
from tests.snapshots import make_machine, make_snapshot

from homeprod.control.state import NodeState
from homeprod.core.overview.snapshot import MOST_BYTES
from homeprod.core.webhook import call_content

PATH = "/api/snapshot"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("state", [NodeState.READY, NodeState.LOCKED, NodeState.NEW])
def test_it_is_kept_with_who_said_it(door: OpenDoor, state: NodeState) -> None:
    door.node.is_in = state
    assert door.call("POST", PATH, make_snapshot(make_machine())).status == 200
    kept = door.node.snapshots.last
    assert kept is not None
    assert (kept.by, kept.snapshot.machines[0].name) == ("sean", "lab-proxy")


def test_it_outlives_a_restart(door: OpenDoor) -> None:
    door.call("POST", PATH, make_snapshot(make_machine()))
    before = door.node.snapshots.last
    door.restart()
    assert door.node.snapshots.last == before


def test_one_that_cannot_be_read_is_none(door: OpenDoor) -> None:
    for text in ("", "{", "{}", '{"by": "sean", "received": 1, "snapshot": {"format": 2, "taken": 1}}'):
        door.places.snapshot_file.write_text(text)
        door.restart()
        assert door.node.snapshots.last is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": 2},
        {"format": 1},
        {**make_snapshot(), "later": 1},
        make_snapshot(make_machine(name="../x")),
        make_snapshot(make_machine(vmid=1)),
        make_snapshot(make_machine(kind="image")),
        make_snapshot(make_machine(state="a\u202eb")),
        make_snapshot(make_machine(plan="a\nb")),
        make_snapshot(make_machine(plan="a" * 301)),
        make_snapshot(make_machine(secret="x")),
        make_snapshot(taken=-1),
        make_snapshot(matters=["x"] * 101),
        make_snapshot(*[make_machine()] * 1001),
    ],
    ids=(
        "later format",
        "no time",
        "field that there is not",
        "name",
        "VMID",
        "kind",
        "sign that turns words round",
        "two lines",
        "too long",
        "machine's field that there is not",
        "before 1970",
        "too many matters",
        "too many machines",
    ),
)
def test_what_is_none_is_refused_and_the_one_before_stays(door: OpenDoor, wrong: dict[str, Any]) -> None:
    door.call("POST", PATH, make_snapshot(make_machine("lab-coder")))
    assert door.call("POST", PATH, wrong).status in (413, 422)
    kept = door.node.snapshots.last
    assert kept is not None
    assert kept.snapshot.machines[0].name == "lab-coder"


def test_its_size_is_bounded(door: OpenDoor) -> None:
    body = b"{" + b" " * MOST_BYTES
    signed = sign(door.sean, call_content("POST", PATH, AUDIENCE, body))
    heard = door.send("POST", PATH, body, {"Content-Type": "application/json", **signed})
    assert (heard.status, heard.body["error"]) == (413, "too-large")
    assert (
        door.call("POST", PATH, make_snapshot(*(make_machine(f"m{n}", 1000 + n) for n in range(500)))).status == 200
    )


def test_it_counts_once_after_a_restart_too(door: OpenDoor) -> None:
    again, body = make_id(), make_snapshot(make_machine())
    sent = json.dumps(body).encode()
    signed = {"Content-Type": "application/json", **sign(door.sean, call_content("POST", PATH, AUDIENCE, sent),
                                                         message_id=again)}  # fmt: skip
    assert door.send("POST", PATH, sent, signed).status == 200
    door.call("POST", PATH, make_snapshot(make_machine("lab-coder")))
    assert door.send("POST", PATH, sent, signed).status == 401
    door.restart()
    assert door.send("POST", PATH, sent, signed).status == 401
    kept = door.node.snapshots.last
    assert kept is not None
    assert kept.snapshot.machines[0].name == "lab-coder"


def test_nobody_else_says_anything(door: OpenDoor) -> None:
    assert door.call("POST", PATH, make_snapshot(), door.stranger).status == 401
    assert door.send("POST", PATH, b"{}", {"Content-Type": "application/json"}).status == 401
    assert door.node.snapshots.last is None


def test_a_disk_that_takes_nothing_is_said(door: OpenDoor) -> None:
    door.places.snapshot_file.with_name(".snapshot.json.new").mkdir()
    heard = door.call("POST", PATH, make_snapshot())
    assert (heard.status, heard.body["error"]) == (503, "storage")
    assert door.node.snapshots.last is None

"""How it is at the gate, as the door tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.door import OpenDoor
from tests.records import COMMIT, FIRST, NOW, OTHER, SECOND, make_emergency, make_rollback

from homeprod.control.promotion.admission import Admission
from homeprod.control.promotion.stage import Pair, Rollout, RolloutState, Stage, StageState
from homeprod.control.promotion.standing import Standing
from homeprod.control.settings import PromotionSettings
from homeprod.promotion.record import Signed
from homeprod.promotion.verdict import Entries, Evidence, Lack

VAULT = "d4" * 20


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as door:
        yield door


def make_standing() -> Standing:
    entries = (Signed(make_emergency(), "sean"), Signed(make_rollback({"prod-proxy": SECOND}), "anna"))
    stages = (
        Stage("prod-web", FIRST, Pair(OTHER, VAULT), state=StageState.FAILED, run=7, problem="nginx does not start"),
        Stage("prod-proxy", FIRST, Pair(OTHER, VAULT)),
    )
    return Standing(
        environment="prod",
        branch="prod",
        promotion=PromotionSettings(),
        head=Pair(OTHER, VAULT),
        evidence=Evidence("prod", Entries(entries), NOW, 14 * 86_400.0),
        admission=Admission("prod", Pair(COMMIT, VAULT), {"prod-web": FIRST}, NOW, stages),
        held=(Lack("prod-web", SECOND, "it has no record: it was never tried"),),
        rollout=Rollout(stages, RolloutState.STOPPED, problem="prod-web: nginx does not start"),
    )


def test_a_node_without_a_gate_tells_of_none(door: OpenDoor) -> None:
    assert door.call("GET", "/api/promotion").body == {"environments": []}
    assert b"homeprod_revisions_held 0.0" in door.send("GET", "/metrics").content


def test_what_is_admitted_held_bad_and_under_way_is_told_to_those_who_sign(door: OpenDoor) -> None:
    door.node.gates = [make_standing()]
    (told,) = door.call("GET", "/api/promotion").body["environments"]
    assert (told["environment"], told["branch"], told["head"], told["admitted"]) == ("prod", "prod", OTHER, COMMIT)
    assert told["held"] == [{"host": "prod-web", "digest": SECOND, "why": "it has no record: it was never tried"}]
    assert told["emergency"] == {"revision": COMMIT, "person": "sean", "at": NOW - 86_400, "why": "the site is down"}
    assert [(one["host"], one["digest"], one["person"]) for one in told["bad"]] == [("prod-proxy", SECOND, "anna")]
    assert (told["rollout"]["state"], told["rollout"]["revision"]) == ("stopped", COMMIT)
    assert [(one["host"], one["state"], one["run"]) for one in told["rollout"]["order"]] == [
        ("prod-web", "failed", 7),
        ("prod-proxy", "waiting", None),
    ]
    assert door.send("GET", "/api/promotion").body == {"error": "signature"}


def test_everybody_is_told_how_many_and_not_which(door: OpenDoor) -> None:
    door.node.gates = [make_standing()]
    metrics = door.send("GET", "/metrics").content
    assert b"homeprod_revisions_held 1.0" in metrics
    assert b'homeprod_rollouts{state="stopped"} 1.0' in metrics
    assert b"prod-web" not in metrics

"""What a control node's word of a roll-out comes to, for who watches it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from homeprod.cli.promotion.node import Node
from homeprod.cli.promotion.rollout import DONE, FAILED, REFUSED, WAITS, Known, judge, read_hosts, watch
from homeprod.drivers.doorbell import Doorbell

NEW, OLD, VAULT = "a" * 40, "b" * 40, "c" * 40


def tell(state: str = "going", *hosts: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    order = [{"host": host, "state": state, "problem": problem} for host, state, problem in hosts]
    rollout = {"state": state, "revision": NEW if state != "none" else "", "problem": "", "order": order}
    return {
        "environment": "prod",
        "head": NEW,
        "admitted": NEW,
        "held": [],
        "problem": "",
        "rollout": rollout,
        **more,
    }


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (tell("going", ("one", "running", ""), ("two", "waiting", "")), None),
        (tell("done", ("one", "done", ""), ("two", "done", "")), DONE),
        (tell("none"), DONE),
        (tell("done", ("one", "done", ""), ("two", "late", "no route")), WAITS),
        (tell("none", head=OLD, admitted=OLD), None),
        (tell("none", admitted=OLD), None),
        (tell("none", admitted_vault=OLD), None),
        (tell("done", ("one", "done", ""), admitted_vault=OLD), None),
    ],
)
def test_it_goes_on_until_it_is_over(told: dict[str, Any], code: int | None) -> None:
    found = judge(told, NEW, VAULT, read_hosts(told))
    assert (found.code if found is not None else None) == code


def test_where_it_stopped_is_told_with_who_was_not_reached_and_how_it_goes_on() -> None:
    told = tell("stopped", ("one", "done", ""), ("two", "failed", "no such\x1b[2J file"), ("three", "waiting", ""))
    found = judge(told, NEW, VAULT, read_hosts(told))
    assert found is not None
    assert found.code == FAILED
    assert found.problem == (
        f"the roll-out of {NEW[:12]} stopped at two: no such [2J file; not reached, and as they were: three"
    )
    assert "  homeprod rollback --env prod\n" in found.hint
    assert found.hint.endswith("  homeprod control retry two")


def test_a_roll_out_that_stopped_before_a_host_says_why() -> None:
    told = tell("stopped", ("one", "done", ""), ("two", "waiting", ""))
    told["rollout"]["problem"] = "two: its trial was red"
    found = judge(told, NEW, VAULT, read_hosts(told))
    assert found is not None
    assert "stopped at two: its trial was red; not reached, and as they were: two" in found.problem


def test_what_the_node_holds_is_told_host_by_host() -> None:
    held = [{"host": "one", "digest": "1" * 64, "why": "it has no record"}]
    told = tell("none", admitted=OLD, held=held)
    found = judge(told, NEW, VAULT, ())
    assert found is not None
    assert (found.code, found.problem) == (REFUSED, "the control node holds it: one: it has no record")
    assert f"homeprod trials prod {NEW[:12]}" in found.hint
    found = judge(tell("none", admitted=OLD, problem="the inventory cannot be read"), NEW, VAULT, ())
    assert found is not None
    assert (found.code, found.problem) == (REFUSED, "the control node holds it: the inventory cannot be read")


class Door:
    """Of a node that has not fetched the settings with the gate for as many looks."""

    def __init__(self, looks: int) -> None:
        self.looks, self.knocks = looks, 0

    def knock(self) -> None:
        self.knocks += 1

    def get(self, path: str) -> dict[str, Any]:
        if path != "/api/promotion":
            return {"hosts": [], "problems": ["lab: the git host does not answer"]}
        self.looks -= 1
        return {"environments": [] if self.looks >= 0 else [tell("done", ("one", "done", ""))]}


def watch_door(door: Door) -> tuple[int, str, str, Sequence[str]]:
    said: list[str] = []
    known = Known(VAULT, {}, is_later=lambda head: bool(head) and head != NEW, find_lack=lambda *_: "")
    found = watch(Node("lab-ansible", cast(Doorbell, door)), "prod", NEW, known, said.append)
    return found.code, found.problem, found.hint, said


def test_a_node_that_does_not_know_of_the_gate_yet_is_given_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.cli.promotion.node.time.sleep", lambda _: None)
    door = Door(3)
    assert watch_door(door) == (DONE, "", "", ["one: done"])
    assert door.knocks >= 1
    monkeypatch.setattr("homeprod.cli.promotion.rollout._UNSEEN", 0.0)
    code, problem, hint, _ = watch_door(Door(10_000))
    assert (code, problem) == (WAITS, "lab-ansible knows of no gate there: lab: the git host does not answer")
    assert "render it" in hint

"""What a control node's word of a roll-out comes to, for who watches it."""

from __future__ import annotations

from typing import Any

import pytest

from homeprod.cli.promotion.rollout import DONE, FAILED, REFUSED, WAITS, judge, read_hosts

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

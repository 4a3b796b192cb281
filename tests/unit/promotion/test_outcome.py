"""Judging a trial by what runs said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homeprod.promotion.outcome import (
    Convergence,
    Outcome,
    Result,
    judge_findings,
    judge_first,
    judge_second,
    read_convergence,
)

REVISION, OTHER, VAULT = "a" * 40, "b" * 40, "c" * 40
GOOD = Convergence(7, "successful", REVISION, changes=0, vault=VAULT)


def make_run(status: str = "successful", **more: Any) -> dict[str, Any]:
    return {"id": 7, "status": status, "revision": REVISION, "problem": "", "vault": VAULT, **more}


def tell(kind: str, **more: Any) -> dict[str, Any]:
    return {"seq": 1, "event": {"kind": kind, **more}}


def test_a_run_is_read_from_its_events_and_counted_by_ansibles_own_count() -> None:
    events = [
        tell("ok", task="deliver", role="web", changed=True),
        tell("ok", task="deliver", role="web", changed=True),
        tell("ok", task="look"),
        tell("failed", task="x"),
        {"stats": {"ok": 4, "changed": 3}},
    ]
    assert read_convergence(make_run(), events) == Convergence(
        7, "successful", REVISION, changes=3, changed=("web : deliver",), vault=VAULT
    )
    assert read_convergence(make_run(), []).changes is None


def test_a_host_that_did_not_answer_is_told_from_one_that_failed() -> None:
    off = read_convergence(
        make_run("failed", problem="no answer\nlook"), [tell("unreachable", task="Gathering Facts")]
    )
    assert (off.is_off, off.problem) == (True, "no answer")
    assert not read_convergence(make_run("failed"), [tell("unreachable"), tell("failed", task="x")]).is_off
    assert not read_convergence(make_run(), [tell("unreachable")]).is_off


@pytest.mark.parametrize(
    ("run", "result", "words"),
    [
        (GOOD, Result.GREEN, ""),
        (replace(GOOD, changes=5), Result.GREEN, ""),
        (
            replace(GOOD, status="failed", problem="no such file (at deliver)"),
            Result.RED,
            "run 7 failed: no such file",
        ),
        (replace(GOOD, status="failed"), Result.RED, "run 7 failed"),
        (replace(GOOD, status="timeout", problem="it took long"), Result.RED, "run 7 timeout: it took long"),
        (replace(GOOD, status="canceled"), Result.UNTRIED, "was canceled"),
        (replace(GOOD, status="failed", problem="no answer", is_off=True), Result.UNTRIED, "no answer"),
        (replace(GOOD, revision=OTHER), Result.UNTRIED, f"was of {OTHER[:12]}, and not of {REVISION[:12]}"),
        (replace(GOOD, status="failed", revision=""), Result.UNTRIED, "was of no revision"),
        (
            replace(GOOD, vault=OTHER),
            Result.UNTRIED,
            f"with {OTHER[:12]} of the vault, and not with {VAULT[:12]}",
        ),
        (replace(GOOD, changes=None), Result.UNTRIED, "did not say what it changed"),
    ],
)
def test_the_first_run_is_judged(run: Convergence, result: Result, words: str) -> None:
    found = judge_first(run, REVISION, VAULT)
    assert found.result is result
    assert words in found.why


def test_what_changes_again_is_red_and_named() -> None:
    tasks = tuple(f"web : task {number}" for number in range(6))
    found = judge_second(replace(GOOD, changes=6, changed=tasks), REVISION, VAULT)
    assert found.result is Result.RED
    assert found.why == (
        "not idempotent: web : task 0, web : task 1, web : task 2, web : task 3 and 2 more changed something again"
        " (run 7)"
    )
    assert "not idempotent: a task changed" in judge_second(replace(GOOD, changes=1), REVISION, VAULT).why
    assert judge_second(GOOD, REVISION, VAULT) == Outcome(Result.GREEN)
    assert judge_second(replace(GOOD, status="failed"), REVISION, VAULT).result is Result.RED


def test_findings_are_red() -> None:
    assert judge_findings([]).is_green
    assert judge_findings(["a", "b"]) == Outcome(Result.RED, "a; b")

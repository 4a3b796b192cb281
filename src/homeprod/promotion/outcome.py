"""The outcome of a trial, from what the control node tells of its runs: green, red, or nothing that could be told.

Red is a word about the inputs, so it is kept for what they did. A host that was off, or a run that somebody canceled,
says nothing about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MOST_TASKS = 4
"""That are named, of those that changed something again."""


class Result(StrEnum):
    """``untried`` where nothing can be said of the inputs."""

    GREEN = "green"
    RED = "red"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Convergence:
    """A run that has ended, of a revision and one of the vault. ``changes`` counts tasks that changed something, None
    where the run did not say; ``changed`` names them, each with its role. ``is_off`` where the host did not
    answer."""

    run: int
    status: str
    revision: str
    problem: str = ""
    changes: int | None = None
    changed: tuple[str, ...] = ()
    is_off: bool = False
    vault: str = ""

    @property
    def is_successful(self) -> bool:
        return self.status == "successful"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``why`` says what went wrong; empty where it is green."""

    result: Result
    why: str = ""

    @property
    def is_green(self) -> bool:
        return self.result is Result.GREEN


def read_convergence(run: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> Convergence:
    """From the node's words of a run that has ended, and of its events. The count is Ansible's own: single events may
    have been lost."""
    changed, changes, is_off = [], None, False
    for one in events:
        told = one.get("event") or {}
        if one.get("stats") is not None:
            changes = int(one["stats"].get("changed", 0))
        elif told.get("kind") == "ok" and told.get("changed"):
            changed.append(" : ".join(str(told[name]) for name in ("role", "task") if told.get(name)))
        elif told.get("kind") in ("unreachable", "failed"):
            is_off = told["kind"] == "unreachable"
    return Convergence(
        run=int(run["id"]),
        status=str(run["status"]),
        revision=str(run["revision"]),
        problem=str(run["problem"]).partition("\n")[0],
        changes=changes,
        changed=tuple(dict.fromkeys(changed)),
        is_off=is_off and run["status"] != "successful",
        vault=str(run.get("vault", "")),
    )


def judge_first(run: Convergence, revision: str, vault: str) -> Outcome:
    """Of the run that brings a host to ``revision``, with the secrets of ``vault``."""
    if run.status == "canceled":
        return Outcome(Result.UNTRIED, f"run {run.run} was canceled")
    if run.is_off:
        return Outcome(Result.UNTRIED, run.problem or "the host did not answer")
    if run.revision != revision:
        there = run.revision[:12] or "no revision"
        return Outcome(Result.UNTRIED, f"run {run.run} was of {there}, and not of {revision[:12]}")
    if run.vault != vault:
        there = run.vault[:12] or "an unknown revision"
        return Outcome(Result.UNTRIED, f"run {run.run} was with {there} of the vault, and not with {vault[:12]}")
    if not run.is_successful:
        return Outcome(Result.RED, f"run {run.run} {run.status}: {run.problem}".rstrip(" :"))
    if run.changes is None:
        return Outcome(Result.UNTRIED, f"run {run.run} did not say what it changed")
    return Outcome(Result.GREEN)


def judge_second(run: Convergence, revision: str, vault: str) -> Outcome:
    """Of the same once more, where nothing may change."""
    first = judge_first(run, revision, vault)
    if not first.is_green or not run.changes:
        return first
    names = ", ".join(run.changed[:MOST_TASKS]) or "a task"
    more = len(run.changed) - MOST_TASKS
    names += f" and {more} more" if more > 0 else ""
    return Outcome(Result.RED, f"not idempotent: {names} changed something again (run {run.run})")


def judge_findings(findings: Sequence[str]) -> Outcome:
    """Of the site's own checks; a finding is what is not as it should be."""
    return Outcome(Result.RED, "; ".join(findings)) if findings else Outcome(Result.GREEN)

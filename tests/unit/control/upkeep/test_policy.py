"""What upkeep does about a host, and never for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from homeprod.control.hosts.condition import RENEWAL, Condition, DriftTask
from homeprod.control.hosts.host import Host, HostState
from homeprod.control.promotion.standing import Gated
from homeprod.control.settings import UpkeepSettings
from homeprod.control.upkeep.policy import Outlook, foresee

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC).timestamp()
HOST = Host(
    name="lab-proxy",
    environment="lab",
    state=HostState.IDLE,
    wanted_revision="r1",
    wanted_instance="i1",
    attempted_revision="r1",
    attempted_instance="i1",
    applied_revision="r1",
    applied_instance="i1",
    due=None,
    attempt=0,
    owner="",
    host_keys=("ssh-ed25519 AAAA",),
    held_keys=(),
    held_by="",
    problem="",
    asked_by="",
)
MOTD, DUE = DriftTask("motd", "base", "/etc/motd"), DriftTask(RENEWAL[1], RENEWAL[0])
CLEAN = Condition("lab-proxy", checked=NOON, revision="r1")
DRIFTED = replace(CLEAN, drift=(MOTD,))
REPORT, CONVERGE = UpkeepSettings(), UpkeepSettings(policy="converge")
NIGHT = UpkeepSettings(policy="converge", window="02:00-05:00", time_zone="UTC")
FAILED = replace(HOST, state=HostState.FAILED, problem="a task failed")


def test_where_nothing_differs_nothing_is_to_be_done() -> None:
    for upkeep in (REPORT, CONVERGE, NIGHT):
        assert foresee(HOST, CLEAN, "r1", upkeep, NOON).words == ""
        assert foresee(HOST, None, "", upkeep, NOON).words == ""


def test_what_differs_is_only_told_by_default() -> None:
    outlook = foresee(HOST, DRIFTED, "r2", REPORT, NOON)
    assert (outlook.runs_now, "report" in outlook.words) == (False, True)


@pytest.mark.parametrize(("condition", "head"), [(DRIFTED, "r1"), (CLEAN, "r2"), (None, "r2")])
def test_converge_runs_for_drift_and_for_a_host_that_is_behind(condition: Condition | None, head: str) -> None:
    assert foresee(HOST, condition, head, CONVERGE, NOON).runs_now
    night = foresee(HOST, condition, head, NIGHT, NOON)
    assert (night.runs_now, night.at) == (False, NOON + 14 * 3600)
    assert foresee(HOST, condition, head, NIGHT, NOON + 15 * 3600).runs_now


@pytest.mark.parametrize(
    ("host", "condition", "head", "words"),
    [
        (FAILED, DRIFTED, "r1", "homeprod control retry lab-proxy"),
        (replace(HOST, state=HostState.DUE), DRIFTED, "r2", "is due"),
        (replace(HOST, state=HostState.RUNNING), DRIFTED, "r2", "goes on"),
        (replace(HOST, held_keys=("ssh-ed25519 BBBB",)), DRIFTED, "r1", "its SSH host key"),
        (replace(HOST, host_keys=()), DRIFTED, "r1", "its SSH host key"),
        (replace(HOST, applied_instance="", applied_revision=""), None, "r1", "never configured"),
        (HOST, replace(DRIFTED, late=NOON), "r2", "until it answers"),
        (HOST, replace(DRIFTED, stubborn=frozenset({MOTD.name})), "r1", "not idempotent"),
        (HOST, replace(DRIFTED, proves=True), "r1", "a check shows first"),
    ],
)
def test_what_stands_in_the_way_is_said(host: Host, condition: Condition | None, head: str, words: str) -> None:
    outlook = foresee(host, condition, head, CONVERGE, NOON)
    assert not outlook.runs_now
    assert words in outlook.words


def test_a_newer_head_begins_again_where_a_run_failed_or_changed_nothing() -> None:
    assert foresee(FAILED, DRIFTED, "r2", CONVERGE, NOON).runs_now
    assert foresee(HOST, replace(DRIFTED, stubborn=frozenset({MOTD.name})), "r2", CONVERGE, NOON).runs_now


def test_a_certificate_that_is_due_is_told_and_no_reason_for_a_run_of_all() -> None:
    due = replace(CLEAN, drift=(DUE,), renewal_at=NOON + 60)
    for upkeep in (REPORT, CONVERGE, NIGHT):
        assert foresee(HOST, due, "r1", upkeep, NOON) == Outlook("a certificate is due, and renewed", NOON + 60)
    told = foresee(HOST, replace(due, renewals=2, renewal_problem="it is down"), "r1", REPORT, NOON)
    assert told.words == "a certificate is due, and renewed, and the last try brought nothing: it is down"
    both = replace(due, drift=(DUE, MOTD))
    told = foresee(HOST, both, "r1", REPORT, NOON)
    assert told.words.startswith("a certificate is due, and renewed; the rest: stays")
    assert foresee(HOST, both, "r1", CONVERGE, NOON).runs_now
    assert not foresee(HOST, replace(both, stubborn=frozenset({MOTD.name})), "r1", CONVERGE, NOON).runs_now


def test_what_was_off_is_tried_again_once_a_check_has_reached_it() -> None:
    off = replace(FAILED, problem="the host did not answer: no route (at a task)")
    assert not foresee(off, replace(DRIFTED, late=NOON), "r1", CONVERGE, NOON).runs_now
    assert foresee(off, DRIFTED, "r1", CONVERGE, NOON).runs_now


def test_a_time_zone_that_this_machine_does_not_know_opens_no_window() -> None:
    odd = UpkeepSettings(policy="converge", window="02:00-05:00", time_zone="Mars/Olympus")
    outlook = foresee(HOST, DRIFTED, "r1", odd, NOON)
    assert (outlook.runs_now, "no time zone Mars/Olympus" in outlook.words) == (False, True)


def test_who_is_behind_at_a_gate_follows_in_its_roll_out_and_not_by_upkeep() -> None:
    behind = Gated("r2", True, "its turn in the roll-out of r2 has come")
    assert foresee(HOST, DRIFTED, "r2", CONVERGE, NOON, behind) == Outlook(behind.words)
    waiting = Gated("r1", False, "waits for its turn in the roll-out of r2")
    assert foresee(HOST, CLEAN, "r2", REPORT, NOON, waiting) == Outlook(waiting.words)
    assert foresee(HOST, DRIFTED, "r2", CONVERGE, NOON, waiting).runs_now, "until then it is kept at what it is at"
    held = Gated("r1", False, "", "held at the gate: that was rolled back")
    assert foresee(HOST, DRIFTED, "r2", CONVERGE, NOON, held) == Outlook(held.obstacle)
    assert foresee(HOST, CLEAN, "r2", CONVERGE, NOON, held) == Outlook()
    assert foresee(HOST, CLEAN, "r2", CONVERGE, NOON, Gated("r1")) == Outlook(), "the head is not what it is to be at"

"""Whether hosts may be brought to a revision: a record for each that would change, or an emergency; nothing bad."""

from __future__ import annotations

from tests.records import (
    COMMIT,
    DAY,
    FIRST,
    NOW,
    OTHER,
    SECOND,
    make_clear,
    make_emergency,
    make_rollback,
    make_trial,
)

from homeprod.promotion.record import Entry, Signed
from homeprod.promotion.verdict import Entries, Evidence

THIRD = "3" * 64


def make(*entries: Entry, now: float = NOW, days: float = 14) -> Evidence:
    return Evidence("prod", Entries(Signed(one, "sean") for one in entries), now, days * DAY)


def find(evidence: Evidence, revision: str = COMMIT, applied: str = FIRST, digest: str = SECOND) -> str:
    return evidence.find_lack("prod-coder", digest, revision, applied)


def test_who_runs_the_same_as_before_needs_nothing() -> None:
    assert find(make(), digest=FIRST) == ""
    assert "never tried" in find(make())
    assert "never tried" in find(make(), applied="", digest=FIRST), "one that was never configured is another matter"


def test_a_record_opens_the_gate_for_its_host_alone() -> None:
    evidence = make(make_trial(digest=SECOND))
    assert find(evidence) == ""
    digests = {"prod-coder": SECOND, "prod-proxy": SECOND, "prod-mail": FIRST}
    lacks = evidence.find_lacks(digests, COMMIT, {"prod-coder": FIRST, "prod-mail": FIRST})
    assert [one.host for one in lacks] == ["prod-proxy"]


def test_the_environment_says_how_long_a_record_is_fresh() -> None:
    trial = make_trial(digest=SECOND, at=NOW - 8 * DAY, days=90)
    assert find(make(trial)) == ""
    assert "expired" in find(make(trial, days=7))


def test_a_clock_that_was_set_back_opens_no_gate() -> None:
    trial = make_trial(digest=SECOND, at=NOW)
    assert "look at the clocks" in find(make(trial, now=NOW - DAY))
    assert "never tried" in find(make(make_emergency(at=NOW), now=NOW - DAY))


def test_an_emergency_opens_it_for_its_revision_and_for_those_who_are_late() -> None:
    evidence = make(make_emergency())
    assert find(evidence) == ""
    assert find(evidence, OTHER) != "", "the next revision needs its own"
    late = make(make_emergency(digests={"prod-coder": SECOND}))
    assert find(late, OTHER) == "", "it is what the emergency was for"
    assert find(late, OTHER, digest=THIRD) != ""
    red = make_trial(digest=SECOND, is_green=False, at=NOW)
    assert "red" in find(make(make_emergency(digests={"prod-coder": SECOND}), red), OTHER)
    assert evidence.find_emergency(COMMIT) is not None
    assert evidence.find_emergency(OTHER) is None


def test_another_environments_emergency_is_none_here() -> None:
    lab = make_emergency().model_copy(update={"environment": "lab"})
    assert find(make(lab)) != ""


def test_what_was_rolled_back_stays_away_even_where_it_is_green_or_an_emergency() -> None:
    rollback = make_rollback({"prod-coder": SECOND}, revision=OTHER, digests={"prod-coder": FIRST})
    evidence = make(make_trial(digest=SECOND, at=NOW), make_emergency(at=NOW), rollback)
    assert find(evidence) == "that was rolled back by sean (it broke mail), and nobody has cleared it"
    assert find(evidence, applied=SECOND) != "", "not even where it is what runs"
    assert find(evidence, OTHER, applied=SECOND, digest=FIRST) == "", "the way back is open"
    cleared = make(make_trial(digest=SECOND, at=NOW), rollback, make_clear(host="prod-coder", digest=SECOND))
    assert find(cleared) == ""

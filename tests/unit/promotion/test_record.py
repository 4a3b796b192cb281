"""What entries come to: the latest counts, and nothing is latched."""

from __future__ import annotations

import pytest
from tests.records import (
    COMMIT,
    DAY,
    FIRST,
    NOW,
    SECOND,
    make_clear,
    make_emergency,
    make_rollback,
    make_trial,
)

from homeprod.promotion.record import (
    FUTURE,
    Entry,
    EntryError,
    Signed,
    find_bad,
    judge,
    read_entry,
    write_entry,
)


def sign(*entries: Entry) -> list[Signed]:
    return [Signed(entry, "sean") for entry in entries]


def test_a_fresh_green_trial_of_the_very_digest_counts() -> None:
    entries = sign(make_trial())
    assert judge(entries, "prod-coder", FIRST, NOW).is_green
    other = judge(entries, "prod-coder", SECOND, NOW)
    assert not other.is_green
    assert "of other inputs" in other.why
    assert "never tried" in judge(entries, "prod-proxy", FIRST, NOW).why


def test_a_later_red_one_revokes_and_a_later_green_one_gives_back() -> None:
    red = make_trial(is_green=False, at=NOW - 2 * DAY, why="nginx does not start")
    entries = sign(make_trial(at=NOW - 3 * DAY), red)
    found = judge(entries, "prod-coder", FIRST, NOW)
    assert not found.is_green
    assert found.why == "its trial on lab-coder was red: nginx does not start"
    assert judge([*entries, *sign(make_trial(at=NOW - DAY))], "prod-coder", FIRST, NOW).is_green


def test_of_two_at_once_the_red_one_counts() -> None:
    both = sign(make_trial(), make_trial(is_green=False))
    assert not judge(both, "prod-coder", FIRST, NOW).is_green
    assert not judge(both[::-1], "prod-coder", FIRST, NOW).is_green


def test_an_expired_record_is_none_and_a_later_expired_one_hides_no_red() -> None:
    found = judge(sign(make_trial(at=NOW - 15 * DAY)), "prod-coder", FIRST, NOW)
    assert not found.is_green
    assert "expired" in found.why
    assert judge(sign(make_trial(at=NOW - 14 * DAY + 1)), "prod-coder", FIRST, NOW).is_green


def test_a_record_of_the_future_says_that_a_clock_is_wrong() -> None:
    entries = sign(make_trial(at=NOW + FUTURE + 1))
    assert "look at the clocks" in judge(entries, "prod-coder", FIRST, NOW).why
    assert judge(entries, "prod-coder", FIRST, NOW + 1).is_green


def test_what_was_rolled_back_is_bad_until_a_later_clear() -> None:
    bad = sign(make_rollback({"prod-coder": FIRST, "prod-proxy": SECOND}))
    assert [(one.host, one.digest) for one in find_bad(bad, "prod")] == [
        ("prod-coder", FIRST),
        ("prod-proxy", SECOND),
    ]
    assert find_bad(bad, "lab") == []
    early = sign(make_clear(at=NOW - 2 * DAY))
    assert len(find_bad([*early, *bad], "prod")) == 2
    one = sign(make_clear(host="prod-coder", digest=FIRST))
    assert [each.host for each in find_bad([*bad, *one], "prod")] == ["prod-proxy"]
    assert len(find_bad([*bad, *sign(make_clear(host="prod-coder", digest=SECOND))], "prod")) == 2
    assert find_bad([*bad, *sign(make_clear())], "prod") == []
    again = sign(make_rollback({"prod-coder": FIRST}, at=NOW + 1))
    assert [each.host for each in find_bad([*bad, *sign(make_clear()), *again], "prod")] == ["prod-coder"]


@pytest.mark.parametrize(
    "entry", [make_trial(why="fine"), make_emergency(digests={"a": FIRST}), make_rollback({"a": FIRST}), make_clear()]
)
def test_entries_are_read_as_they_were_written(entry: Entry) -> None:
    import json

    assert read_entry(json.loads(write_entry(entry))) == entry


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "promise"},
        {"format": 2},
        {"digest": "f00"},
        {"result": "yellow"},
        {"at": "yesterday"},
        {"at": float("inf")},
        {"host": "Prod\x1b[2J"},
        {"revision": "main"},
        {"more": 1},
        {"why": "x" * 501},
    ],
)
def test_what_is_no_entry_is_refused_with_a_reason(change: dict[str, object]) -> None:
    with pytest.raises(EntryError) as raised:
        read_entry({**make_trial().model_dump(mode="json"), **change})
    assert str(raised.value)
    assert len(str(raised.value)) <= 200


def test_a_record_stands_on_a_commit() -> None:
    assert make_trial().revision == COMMIT

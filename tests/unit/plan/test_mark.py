"""The mark in a note: read back as written, stamped with commit and time, a person's words left alone."""

from __future__ import annotations

from homeprod.core.address import Address
from homeprod.plan.mark import LONGEST_NOTE, Mark, parse_note, render_note, stamp_note, words_of

BARE = Mark(
    "6f1d0c52-0000-0000-0000-000000000000", Address("vm", "a"), 100, "1a2b3c", forces={"image": "debian.qcow2"}
)
STAMPED = Mark(BARE.site, BARE.address, 100, "1a2b3c", "abc1234+", BARE.forces, "2026-11-25T20:58:16Z")


def test_what_is_written_is_read_back() -> None:
    for mark in (BARE, STAMPED):
        assert parse_note(render_note(mark, "Builds things.")) == mark


def test_a_stamp_changes_commit_and_time_alone() -> None:
    for mark in (BARE, STAMPED):
        stamped = stamp_note(render_note(mark, "Builds things."), "abc1234+", "2026-11-25T20:58:16Z")
        assert stamped == render_note(STAMPED, "Builds things.")


def test_where_no_commit_is_known_none_is_claimed() -> None:
    mark = parse_note(stamp_note(render_note(STAMPED, ""), "", "2026-11-26T00:00:00Z"))
    assert mark is not None
    assert (mark.commit, mark.time) == ("", "2026-11-26T00:00:00Z")


def test_a_note_that_would_be_too_long_for_proxmox_is_not_stamped() -> None:
    note = render_note(BARE, "x")
    full = note + "\n" * (LONGEST_NOTE - len(note))
    assert stamp_note(full, "abc1234", "2026-11-25T20:58:16Z") == full


def test_words_of_a_person_around_the_mark_stay() -> None:
    note = "Ask Sean.\n" + render_note(STAMPED, "Builds things.") + "\n\nhung on Tuesday"
    stamped = stamp_note(note, "", "")
    assert words_of(stamped) == "Ask Sean.\nBuilds things."
    assert stamped.endswith("\n\nhung on Tuesday")
    assert parse_note(stamped) == BARE

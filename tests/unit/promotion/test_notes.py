"""Lines of notes: who is believed, and what counts as nothing."""

from __future__ import annotations

import json
import time

import pytest
from tests.records import COMMIT, NOW, OTHER, Person, make_trial

from homeprod.promotion.notes import LARGEST_NOTE, MOST_ENTRIES, Heard, choose_notes, read_notes
from homeprod.promotion.sshsig import Believers

SEAN, ANNE, STRANGER = Person("sean"), Person("anne"), Person("stranger")
BELIEVERS = Believers({"sean": (f"{SEAN.line} sean@desk",), "anne": (ANNE.line,)})


def read(*lines: str, commit: str = COMMIT) -> Heard:
    return read_notes({commit: "\n".join(lines) + "\n"}, BELIEVERS)


def test_entries_of_those_who_sign_are_believed_each_as_theirs() -> None:
    heard = read(SEAN.write(make_trial()), "", ANNE.write(make_trial(host="prod-proxy")))
    assert [(one.person, one.entry.environment) for one in heard.believed] == [("sean", "prod"), ("anne", "prod")]
    assert heard.problems == ()


def test_a_line_that_stands_twice_counts_once() -> None:
    line = SEAN.write(make_trial())
    assert len(read(line, line).believed) == 1


def change(line: str, **values: object) -> str:
    content = json.loads(line)
    return json.dumps({**content, "entry": {**content["entry"], **values}})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (STRANGER.write(make_trial()), "is signed by a key that may not sign (SHA256:"),
        (change(SEAN.write(make_trial(is_green=False)), result="green"), "has a signature that is not right"),
        (SEAN.write(make_trial(revision=OTHER)), "stands on another commit than it was signed for (b2b2b2b2b2b2)"),
        (json.dumps({"entry": make_trial().model_dump(mode="json"), "signature": ""}), "is not signed"),
        (json.dumps({"entry": {}, "signature": None}), "is not signed"),
        ("green, says sean", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no entry with its signature"),
        ('{"entry": {}}', "is no entry with its signature"),
        ("x" * 200_000, "is too large"),
        (change(SEAN.write(make_trial()), why="x" * 100_000), "is too large"),
    ],
)
def test_what_counts_as_nothing_is_named_and_hides_no_other(line: str, words: str) -> None:
    heard = read(line, ANNE.write(make_trial()))
    assert [one.person for one in heard.believed] == ["anne"]
    (problem,) = heard.problems
    assert problem.startswith(f"line 1 of the note of {COMMIT[:12]} ")
    assert words in problem


def test_a_signed_entry_of_a_later_format_is_no_entry_here() -> None:
    from homeprod.promotion.record import write_canonically

    said = {**make_trial().model_dump(mode="json"), "format": 2}
    line = json.dumps({"entry": said, "signature": SEAN.signer.sign(write_canonically(said))})
    assert "is no entry that this homeprod knows" in read(line).problems[0]


def test_a_note_that_is_too_large_is_told() -> None:
    assert "too large" in read_notes({COMMIT: None}, BELIEVERS).problems[0]
    assert choose_notes({"small": 10, "large": LARGEST_NOTE + 1}) == {"small"}
    many = {f"{number:04}": LARGEST_NOTE for number in range(100)}
    assert len(choose_notes(many)) == 16


def test_thousands_of_entries_are_read_in_bounded_time() -> None:
    lines = [SEAN.write(make_trial(at=NOW + number)) for number in range(2000)]
    lines += [f"rubbish {number}" for number in range(MOST_ENTRIES)]
    begun = time.monotonic()
    heard = read(*lines)
    assert time.monotonic() - begun < 20
    assert len(heard.believed) == 2000
    assert f"more than {MOST_ENTRIES} entries" in heard.problems[-1] or "more" in heard.problems[-1]
    assert len(heard.problems) <= 51

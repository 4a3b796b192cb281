"""Differences as a person reads them: what would change, and no secret, whether it is known or was one before."""

from __future__ import annotations

import random

from homeprod.control.runs.change import Side
from homeprod.control.runs.difference import render_difference
from homeprod.control.runs.redaction import MASK, Redaction

NEW, OLD = "correct horse battery", "staple of yesterday"


def render(*sides: Side, secrets: tuple[str, ...] = (NEW,)) -> str:
    return render_difference(sides, Redaction(secrets).redact)


def test_lines_that_would_change_stand_between_those_around_them() -> None:
    before = "".join(f"line {n}\n" for n in range(20))
    said = render(Side("/etc/file", before, before.replace("line 9\n", "line nine\n")))
    assert said == "/etc/file\n line 7\n line 8\n-line 9\n+line nine\n line 10\n line 11"


def test_facts_of_a_file_are_a_line_each() -> None:
    assert render(Side("", "mode: 0644\nowner: root\n", "mode: 0600\nowner: root\n")) == (
        "-mode: 0644\n+mode: 0600\n owner: root"
    )


def test_a_known_secret_is_masked_and_so_is_what_stood_in_its_place() -> None:
    said = render(Side("/etc/x", f"user: a\npassword: {OLD}\n", f"user: a\npassword: {NEW}\n"))
    assert OLD not in said
    assert NEW not in said
    assert said == f"/etc/x\n user: a\n-{MASK}\n+password: {MASK}"
    back = render(Side("/etc/x", f"password: {NEW}\n", f"password: {OLD}\n"))
    assert OLD not in back


def test_a_secret_of_many_short_lines_is_masked_as_a_whole() -> None:
    secret = "ab\ncd\nef\ngh"
    said = render(Side("", "", f"begin\n{secret}\nend\n"), secrets=(secret,))
    assert said == f"+begin\n+{MASK}\n+end"


def test_where_only_a_masked_value_differs_that_is_said() -> None:
    assert render(Side("", f"{NEW}\n", f"{OLD}\n"), secrets=(NEW, OLD)) == (
        "only what is masked differs, or how a line ends"
    )


def test_what_is_no_text_is_told_in_words() -> None:
    assert render(Side("/boot/x", words="it is no text")) == "/boot/x\nit is no text"


def test_files_of_which_no_line_is_alike_take_no_time() -> None:
    rand = random.Random(1)  # noqa: S311 (no secret)
    before, after = ("".join(f"{rand.random()}\n" for _ in range(50_000)) for _ in range(2))
    assert render(Side("", f"same\n{before}", f"same\n{after}")) == ("from line 2 on: 50000 lines would become 50000")

"""A host's word about its apps: of a form that is known or a problem, and never more than words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.app_words import COMMIT, NEWER, tell_app, tell_apps

from homeprod.core.overview.apps import MOST_APPS, MOST_WORDS, UNKNOWN_FORM, AppsLine, judge_word

HEARD = 1_800_000_000.0


def judge(*apps: dict[str, Any], **more: Any) -> AppsLine:
    line = judge_word(tell_apps(*apps, **more), HEARD)
    assert line is not None
    return line


def test_moments_of_the_hosts_clock_become_ours() -> None:
    line = judge(tell_app(since=460.0), now=4060, ended=4000)
    assert (line.heard, line.looked, line.apps[0].since) == (HEARD, HEARD - 60, HEARD - 3600)


def test_a_host_whose_clock_is_ahead_says_nothing_of_what_is_to_come() -> None:
    line = judge(tell_app(since=9000.0), now=4060, ended=9000)
    assert (line.looked, line.apps[0].since) == (HEARD, HEARD)


@pytest.mark.parametrize(
    ("app", "is_well", "needs", "word"),
    [
        (tell_app(), True, False, "current"),
        (tell_app(state="stopped", applied="", verified=""), True, False, "stopped"),
        (tell_app(state="waits", since=4000.0), False, False, "waits"),
        (tell_app(state="waits", since=400.0), False, True, "waits"),
        (tell_app(state="rolled back", wanted=NEWER), False, True, "rolled back"),
        (tell_app(verified=""), False, True, "current, not verified"),
        (tell_app(state="late", since=4000.0, verified=""), False, True, "late, not verified"),
        (tell_app(name="_config", state="refused", applied="", verified=""), False, True, "refused"),
    ],
)
def test_how_it_is_with_an_app(app: dict[str, Any], is_well: bool, needs: bool, word: str) -> None:
    [line] = judge(app).apps
    assert (line.is_well, line.needs_person(HEARD), line.word) == (is_well, needs, word)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (judge(), "0 well"),
        (judge(tell_app(), tell_app("a"), tell_app("_config")), "2 well"),
        (judge(tell_app(), tell_app("a", "unhealthy"), tell_app("b", "late"), tell_app("c", "failed")),
         "1 well, a unhealthy, b late, 1 more"),
        (judge(problem="docker is not there"), "problem"),
        (judge(tell_app(), now=400_000, ended=4000), "1 well, 4 d ago"),
    ],
)  # fmt: skip
def test_in_a_few_words(line: AppsLine, words: str) -> None:
    assert line.describe(HEARD) == words


WRONG: dict[str, Any] = {
    "no object": "x",
    "a list": [],
    "nothing": {},
    "more than is known": {**tell_apps(), "hint": "rm -rf /"},
    "no list of apps": {**tell_apps(), "apps": {"wiki": {}}},
    "a state of its own": tell_apps(tell_app(state="fine")),
    "a name that is a path": tell_apps(tell_app(name="../../etc")),
    "a name that is an option": tell_apps(tell_app(name="--help")),
    "a name of markup": tell_apps(tell_app(name="<b>")),
    "a name that is too long": tell_apps(tell_app(name="a" * 64)),
    "a commit that is none": tell_apps(tell_app(applied="master")),
    "a commit with a secret's mask": tell_apps(tell_app(applied="********")),
    "a time that is none": tell_apps(tell_app(since=float("nan"))),
    "a time without end": {**tell_apps(), "ended": float("inf")},
    "a time before all": {**tell_apps(), "now": -1},
    "a number as a problem": tell_apps(tell_app(problem=7)),
    "a truth as a time": {**tell_apps(), "now": True},
    "too many apps": tell_apps(*[tell_app(f"a{number}") for number in range(MOST_APPS + 1)]),
}


@pytest.mark.parametrize("told", WRONG.values(), ids=WRONG)
def test_what_is_of_no_known_form_is_a_problem_and_nothing_of_it_is_kept(told: Any) -> None:
    assert judge_word(told, HEARD) == AppsLine(heard=HEARD, looked=HEARD, problem=UNKNOWN_FORM)


def test_its_words_are_one_line_of_printable_signs() -> None:
    problem = "\x1b]0;owned\x07 and\nmore\u202eof it \ud800" + "x" * 1000
    line = judge(tell_app(problem=problem, verified="zoe\x00"), problem=problem)
    for words in (line.problem, line.apps[0].problem, line.apps[0].verified):
        assert words.isprintable()
        assert len(words) <= MOST_WORDS
    assert line.problem.startswith("�]0;owned� and more�of it �x")
    assert line.problem.endswith("…")


def test_nothing_said_is_nothing_known() -> None:
    assert judge_word(None, HEARD) is None


def test_what_is_kept_is_read_again_as_it_was() -> None:
    line = judge(tell_app(), tell_app("a", "failed", wanted=NEWER, problem="its disk is full"), problem="x")
    assert AppsLine.model_validate_json(line.model_dump_json()) == line
    assert line.apps[1].applied == COMMIT

"""What an app host says, from the role's script to what the worker tells, with the secrets masked."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.app_words import COMMIT, NEWER, make_event, make_part, make_status, say
from tests.unit.ansible.test_look import look

from homeprod.control.runs.appsword import MOST_BYTES, TOO_LARGE, UNREADABLE, find_word
from homeprod.control.runs.reporter import Reporter
from homeprod.core.errors import ControlError
from homeprod.core.overview.apps import judge_word

PROGRAMS = {"systemctl": "exit 3", "dpkg-query": "exit 1"}


def ask(folder: Path) -> str:
    """The role's own script, at a machine made of files; what it says of apps."""
    arguments = (str(folder / "etc"), str(folder / "programs"), str(folder), "git")
    said = look(*arguments, programs=PROGRAMS, folder=folder, role="app_host")
    assert said["missing"] == ["git"], "the role reads the rest as before"
    return f"release: x\nhomeprod_apps_status: '{said['homeprod_apps_status']}'"


def test_what_the_machine_has_written_comes_whole(tmp_path: Path) -> None:
    status = make_status(wiki=make_part("rolled back", wanted=NEWER, problem="it's not \"well\": a'b\n", since=7))
    (tmp_path / "status.json").write_text(json.dumps(status))
    is_word, word = find_word(make_event(ask(tmp_path)))
    assert is_word
    assert word is not None
    assert abs(word["now"] - time.time()) < 60
    names = [one["name"] for one in word["apps"]]
    assert (names, word["apps"][1]["state"], word["apps"][1]["wanted"]) == (["_config", "wiki"], "rolled back", NEWER)
    line = judge_word(word, time.time())
    assert line is not None
    assert line.apps[1].problem == "it's not \"well\": a'b"


def test_a_machine_that_has_not_looked_yet(tmp_path: Path) -> None:
    assert find_word(make_event(ask(tmp_path))) == (True, None)


def test_one_that_has_written_too_much(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text("x" * (MOST_BYTES + 1))
    _, word = find_word(make_event(ask(tmp_path)))
    assert word is not None
    assert (word["problem"], word["apps"]) == (TOO_LARGE, [])


def test_the_most_that_is_taken_comes_whole(tmp_path: Path) -> None:
    status = make_status()
    status["notes"] = ["x" * (MOST_BYTES - len(json.dumps(status)) - 2)]
    (tmp_path / "status.json").write_text(json.dumps(status))
    assert (tmp_path / "status.json").stat().st_size == MOST_BYTES
    _, word = find_word(make_event(ask(tmp_path)))
    assert word is not None
    assert [one["name"] for one in word["apps"]] == ["_config"]


@pytest.mark.parametrize(
    "status",
    [
        b"", b"{", b"[" * 100_000, b"[]", b"7", b"\xff\xfe", b'{"format": 1}', b"9" * 5000,
        {**make_status(), "format": 2}, {**make_status(), "apps": []}, {**make_status(), "ended": "soon"},
        make_status(wiki={"state": 7}), make_status(wiki=make_part(since=None)),
    ],
    ids=lambda _: "",
)  # fmt: skip
def test_a_status_that_is_none_is_a_problem(status: Any) -> None:
    _, word = find_word(make_event(say(status)))
    assert word == {"now": 4060, "ended": 4060, "problem": UNREADABLE, "apps": []}


@pytest.mark.parametrize(
    "event",
    [
        {"event": "runner_on_ok"},
        {"event": "runner_on_ok", "event_data": {"res": "text"}},
        {"event": "runner_on_ok", "event_data": {"res": {"stdout": 7}}},
        {"event": "runner_on_failed", "event_data": {"res": {"stdout": say(make_status())}}},
        make_event("release: 'debian-13'"),
        make_event(f"x {say(make_status()).splitlines()[1]}"),
        make_event("homeprod_apps_status: 'soon AAAA'"),
        make_event("homeprod_apps_status: '123456789012 AAAA'"),
        make_event("x" * 300_000 + "\n" + say(make_status())),
    ],
    ids=lambda _: "",
)
def test_other_events_are_none_of_it(event: dict[str, Any]) -> None:
    assert find_word(event) == (False, None)


def report(event: dict[str, Any], *secrets: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    reporter = Reporter(sent.append, lambda: set(secrets))
    reporter.handle(event)
    reporter.finish()
    return [one for one in sent if "apps" in one]


def test_secrets_in_it_are_masked_before_anything_is_cut() -> None:
    secret = "hunter2-canary of the vault"
    problem = "x" * 290 + secret
    event = make_event(say(make_status(problem, wiki=make_part(problem=problem, verified=secret))))
    [told] = report(event, secret)
    assert "hunter2" not in json.dumps(told)
    line = judge_word(told["apps"], 5000.0)
    assert line is not None
    assert line.apps[1].verified == "********"
    assert "hunter" not in line.model_dump_json()


def test_a_secret_that_poses_as_a_commit_is_not_kept() -> None:
    secret = "hunter2-canary"
    [told] = report(make_event(say(make_status(wiki=make_part(applied=secret.encode().hex())))), secret)
    line = judge_word(told["apps"], 5000.0)
    assert line is not None
    assert line.apps == ()
    assert secret.encode().hex() not in line.model_dump_json()


def test_where_the_secrets_are_not_known_nothing_of_it_is_told() -> None:
    sent: list[dict[str, Any]] = []

    def load() -> set[str]:
        raise ControlError("the vault does not decrypt")

    reporter = Reporter(sent.append, load)
    reporter.handle(make_event(say(make_status(wiki=make_part()))))
    reporter.finish()
    assert not any("apps" in one for one in sent)
    assert COMMIT not in json.dumps(sent)

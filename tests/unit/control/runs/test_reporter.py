"""What is told of a run: Ansible is never held up, what is dropped is counted, and long texts are cut."""

from __future__ import annotations

import threading
from typing import Any

from homeprod.control.runs import reporter
from homeprod.control.runs.reporter import MOST_TEXT, Reporter
from homeprod.control.runs.telling import tell
from homeprod.core.errors import ControlError


def make_event(number: int, **result: Any) -> dict[str, Any]:
    data = {"task": f"task {number}", "host": "lab-proxy", "res": result}
    return {"event": "runner_on_ok", "created": "now", "stdout": "", "event_data": data}


def test_a_daemon_that_is_slow_holds_nobody_up_and_what_is_dropped_is_counted() -> None:
    sent: list[dict[str, Any]] = []
    go_on = threading.Event()

    def send(message: dict[str, Any]) -> None:
        go_on.wait()
        sent.append(message)

    telling = Reporter(send, set)
    count = reporter._MOST_WAITING + 500
    for number in range(count):
        assert telling.handle(make_event(number)) is False
    go_on.set()
    telling.finish()
    dropped = int(sent[-1]["event"]["message"].split()[0])
    assert sent[-1]["event"]["kind"] == "dropped"
    assert len(sent) - 1 + dropped == count
    assert 0 < dropped <= 500


def test_nothing_is_told_before_the_secrets_are_known() -> None:
    sent: list[dict[str, Any]] = []
    is_loaded = threading.Event()

    def load() -> set[str]:
        is_loaded.wait()
        return {"a canary"}

    telling = Reporter(sent.append, load)
    telling.handle(make_event(1, msg="this is a canary"))
    assert sent == []
    is_loaded.set()
    telling.finish()
    assert sent[0]["event"]["message"] == "this is ********"


def test_where_they_cannot_be_known_no_text_is_told() -> None:
    sent: list[dict[str, Any]] = []

    def load() -> set[str]:
        raise ControlError("the vault does not decrypt", where="all.yml")

    telling = Reporter(sent.append, load)
    telling.handle(make_event(1, msg="a canary", changed=True))
    telling.finish()
    assert sent[0]["event"]["message"] == "(withheld)"
    assert "canary" not in str(sent)
    assert telling.vault_problem == "the vault does not decrypt (all.yml)"


def test_a_censored_result_is_told_as_one_and_a_long_text_is_cut() -> None:
    censored = tell(make_event(1, censored="the output has been hidden", msg="a canary"))
    assert censored is not None
    assert censored["event"]["message"] == "(no_log)"
    sent: list[dict[str, Any]] = []
    telling = Reporter(sent.append, set)
    telling.handle(make_event(1, msg="x" * 100_000))
    telling.finish()
    assert sent[0]["event"]["message"] == "x" * MOST_TEXT + " … (100000 characters)"
    assert tell({"event": "runner_on_start"}) is None
    coloured = tell({"event": "verbose", "stdout": "\x1b[0;31mred\x1b[0m\r\n"})
    assert coloured is not None
    assert coloured["event"]["text"] == "red"


def test_nothing_of_a_secret_is_left_where_a_text_is_cut_or_its_spaces_are_joined() -> None:
    secret = "canary  with-some  room"
    for before in range(MOST_TEXT - len(secret) - 2, MOST_TEXT + 2):
        sent: list[dict[str, Any]] = []
        telling = Reporter(sent.append, lambda: {secret})
        event = make_event(1, msg=f"{secret} and {'x' * (before - len(secret) - 5)}{secret}{secret}")
        telling.handle({**event, "event": "runner_on_failed"})
        telling.handle({"event": "error", "stdout": f"ERROR! {'x' * 480}{secret}"})
        telling.finish()
        assert "canary" not in str(sent)
        assert "canary" not in telling.problem.describe(1)
    telling = Reporter(sent.append, lambda: {secret})
    telling.handle({"event": "error", "stdout": f"[ERROR]: {'x' * 480}{secret}"})
    telling.finish()
    assert "canary" not in telling.redact(telling.problem.describe(1))


def test_a_vault_that_cannot_be_looked_into_is_a_problem_and_no_text_is_told() -> None:
    sent: list[dict[str, Any]] = []

    def load() -> set[str]:
        raise ValueError("a canary")

    telling = Reporter(sent.append, load)
    telling.handle(make_event(1, msg="a canary"))
    telling.finish()
    assert telling.vault_problem == "the vault cannot be read: ValueError"
    assert [one["event"]["message"] for one in sent] == ["(withheld)"]

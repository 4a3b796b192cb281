"""Waiting for tasks: pace, log, ends of every kind, and a flaky line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.scripted_server import Answer, ScriptedServer, Seen
from tests.unit.drivers.conftest import Connect

from homeprod.core.errors import NotFoundError, ProxmoxError, TransientError
from homeprod.drivers.proxmox.task import Pace, TaskWatch
from homeprod.engine.ports import Task

UPID = "UPID:pve:00001234:0000ABCD:65A1B2C3:qmcreate:100:root@pam:"


@dataclass
class FakeTask:
    """Runs for ``polls`` polls; each poll adds the next ``lines``. ``trouble`` answers some requests instead."""

    lines: list[list[str]]
    exit: str = "OK"
    trouble: Callable[[int], Answer | None] = lambda _: None
    polled: int = 0
    requests: int = 0
    log: list[str] = field(default_factory=list)

    def __call__(self, seen: Seen) -> Answer:
        self.requests += 1
        if trouble := self.trouble(self.requests):
            return trouble
        url = urlsplit(seen.path)
        if url.path.endswith("/status"):
            if self.polled < len(self.lines):
                self.log += self.lines[self.polled]
            self.polled += 1
            is_over = self.polled >= len(self.lines)
            data: object = {"status": "stopped", "exitstatus": self.exit} if is_over else {"status": "running"}
        else:
            query = {key: int(value[0]) for key, value in parse_qs(url.query).items()}
            page = self.log[query["start"] : query["start"] + query["limit"]]
            texts = page or (["no content"] if not self.log else [])
            data = [{"n": query["start"] + place, "t": text} for place, text in enumerate(texts, 1)]
        return Answer(body=json.dumps({"data": data}).encode())


Wait = Callable[..., list[str]]


@pytest.fixture
def wait(server: ScriptedServer, connect: Connect) -> Wait:
    def run(task: FakeTask, *, listen: bool = True, timeout: float = 60, pace: Pace | None = None) -> list[str]:
        server.script = task
        lines: list[str] = []
        pace = pace or Pace(sleep=lambda _: None)
        TaskWatch(connect(), Task(UPID, "pve"), lines.append if listen else None, timeout, pace).run()
        return lines

    return run


def test_every_line_is_told_once_and_in_order(wait: Wait) -> None:
    task = FakeTask([[], ["one", "two"], [], ["three"], ["TASK OK"]])
    assert wait(task) == ["one", "two", "three", "TASK OK"]


def test_a_log_longer_than_a_page(wait: Wait) -> None:
    lines = [f"line {number}" for number in range(1234)]
    assert wait(FakeTask([lines[:700], lines[700:]])) == lines


def test_nobody_listens_and_nothing_is_asked_for(wait: Wait, server: ScriptedServer) -> None:
    wait(FakeTask([["one"], ["TASK OK"]]), listen=False)
    assert all(seen.path.endswith("/status") for seen in server.seen)


def test_warnings_are_success(wait: Wait) -> None:
    assert wait(FakeTask([["WARN: odd"]], exit="WARNINGS: 1")) == ["WARN: odd"]


@pytest.mark.parametrize("listen", [True, False])
def test_a_failure_has_the_tasks_own_words_and_last_lines(wait: Wait, listen: bool) -> None:
    lines = [*(f"step {number}" for number in range(9)), "TASK ERROR: bridge 'vmbr0' does not exist"]
    with pytest.raises(ProxmoxError) as caught:
        wait(FakeTask([lines], exit="bridge 'vmbr0' does not exist"), listen=listen)
    first, *tail = caught.value.message.splitlines()
    assert first == "bridge 'vmbr0' does not exist"
    assert tail == ["  | step 5", "  | step 6", "  | step 7", "  | step 8"]
    assert caught.value.where == "task qmcreate 100"
    assert "bridge" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("unable to create VM 100 - can't lock file '/var/lock/x' - got timeout", TransientError),
        ("Configuration file 'nodes/pve/qemu-server/999.conf' does not exist", NotFoundError),
        ("interrupted by signal", ProxmoxError),
        ("unexpected status", ProxmoxError),
        ("", ProxmoxError),
    ],
)
def test_kinds_of_failure(wait: Wait, status: str, kind: type[ProxmoxError]) -> None:
    with pytest.raises(ProxmoxError) as caught:
        wait(FakeTask([[]], exit=status))
    assert type(caught.value) is kind


def test_a_flaky_line_is_survived(wait: Wait) -> None:
    def trouble(number: int) -> Answer | None:
        return Answer(596) if number % 3 else None

    task = FakeTask([["one"], ["two"], ["TASK OK"]], trouble=trouble)
    assert wait(task) == ["one", "two", "TASK OK"]


def test_a_dead_line_is_not_waited_for_for_ever(wait: Wait) -> None:
    task = FakeTask([[]] * 9, trouble=lambda number: Answer(596) if number > 1 else None)
    with pytest.raises(TransientError, match="3 times in a row, while waiting for the task"):
        wait(task, pace=Pace(failures=2, sleep=lambda _: None))


def test_a_terminal_error_ends_the_wait_at_once(wait: Wait) -> None:
    with pytest.raises(ProxmoxError, match=r"lacks Sys\.Audit"):
        wait(FakeTask([[]] * 9, trouble=lambda _: Answer(403, reason="Permission check failed (/, Sys.Audit)")))


def test_the_pace_is_fast_first_and_slows_down(wait: Wait) -> None:
    slept: list[float] = []
    wait(FakeTask([[]] * 20), pace=Pace(sleep=slept.append))
    assert slept[0] == pytest.approx(0.05)
    assert slept == sorted(slept)
    assert slept[-1] == pytest.approx(1.0)


def test_a_task_that_does_not_end(wait: Wait) -> None:
    now = iter(range(1000))
    pace = Pace(sleep=lambda _: None, clock=lambda: float(next(now)))
    with pytest.raises(ProxmoxError, match="not finished after 5 s; it still runs") as caught:
        wait(FakeTask([[]] * 99), timeout=5, pace=pace)
    assert UPID in caught.value.hint

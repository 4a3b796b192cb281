"""The gate: few at first, more while it gains something, fewer when Proxmox cannot keep up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from homeprod.engine.gate import FEW, MOST, SLACK, Gate
from homeprod.engine.ports import Task
from homeprod.engine.work import Manner


@contextmanager
def somebody_waiting(gate: Gate) -> Iterator[None]:
    """The gate full, and one before it; when it ends, that one has passed."""
    with ExitStack() as inside:
        for _ in range(gate.limit):
            inside.enter_context(gate.enter())
        thread = threading.Thread(target=lambda: gate.enter().__enter__())
        thread.start()
        while not gate._waiting:
            threading.Event().wait(0.001)
        yield
    thread.join(10)
    assert not thread.is_alive()


def test_it_opens_while_tasks_take_no_longer() -> None:
    gate = Gate(2, 5)
    with somebody_waiting(gate):
        for _ in range(20):
            gate.note("qmcreate", 1.0)
            gate._waiting = 1
    assert gate.limit == 5


def test_it_does_not_open_where_nobody_waits() -> None:
    gate = Gate()
    for _ in range(100):
        gate.note("qmcreate", 1.0)
    assert gate.limit == FEW


def test_it_closes_again_when_tasks_take_longer_but_not_below_the_first_few() -> None:
    gate = Gate(2, 8)
    gate._limit = 8.0
    gate.note("qmcreate", 1.0)
    for _ in range(100):
        gate.note("qmcreate", 2.0 + 2 * SLACK)
    assert gate.limit == 2


def test_each_kind_of_task_has_its_own_measure() -> None:
    gate = Gate(2, 8)
    gate._limit = 8.0
    gate.note("qmstart", 0.1)
    for _ in range(100):
        gate.note("qmcreate", 5.0)
    assert gate.limit == 8


def test_a_lock_that_was_not_had_halves_it_down_to_one() -> None:
    gate = Gate(4)
    halves = []
    for _ in range(4):
        gate.shrink()
        halves.append(gate.limit)
    assert halves == [2, 1, 1, 1]


def test_never_more_inside_than_its_limit() -> None:
    gate, inside, most = Gate(3, 3), [0], [0]
    lock = threading.Lock()

    def work() -> None:
        for _ in range(20):
            with gate.enter():
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                with lock:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most[0] <= 3
    assert inside[0] == 0


@pytest.mark.parametrize(("upid", "kind"), [("UPID:pve:1:2:3:qmcreate:100:root@pam:", "qmcreate"), ("odd", "")])
def test_a_task_knows_its_kind(upid: str, kind: str) -> None:
    assert Task(upid, "pve").kind == kind


def test_by_default_it_finds_its_own_number() -> None:
    assert Manner().parallel == 0
    assert (Gate().limit, Gate()._most) == (FEW, MOST)

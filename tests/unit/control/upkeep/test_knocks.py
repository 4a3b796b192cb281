"""Knocks: a flood costs a bounded number of fetches, and the last knock is always answered."""

from __future__ import annotations

import itertools

from homeprod.control.upkeep.knocks import BURST, PAUSE, PER_SECOND, Knocks


def test_a_day_of_flood_costs_a_fetch_a_minute_and_the_last_knock_is_answered() -> None:
    knocks, answered = Knocks(), []
    for second in range(86_400):
        for _ in range(3):
            knocks.knock()
        if knocks.take(float(second)):
            answered.append(second)
    assert len(answered) <= BURST + 86_400 * PER_SECOND + 1
    assert len(answered) > 86_400 * PER_SECOND
    assert min(b - a for a, b in itertools.pairwise(answered)) >= PAUSE
    wait = knocks.find_wait(86_400.0)
    assert wait is not None
    assert wait <= 60
    assert knocks.take(86_400.0 + wait)
    assert knocks.find_wait(86_400.0 + wait) is None


def test_a_knock_after_a_quiet_while_is_answered_at_once() -> None:
    knocks = Knocks()
    assert knocks.find_wait(0.0) is None
    assert not knocks.take(0.0), "nobody knocked"
    knocks.knock()
    assert knocks.find_wait(1000.0) == 0.0
    assert knocks.take(1000.0)
    knocks.knock()
    assert knocks.find_wait(1001.0) == PAUSE - 1

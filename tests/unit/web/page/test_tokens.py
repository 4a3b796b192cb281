"""Links and sessions: how long, how often, and how many."""

from __future__ import annotations

import pytest

from homeprod.web.page.tokens import MOST, MOST_OF_PERSON, Standing, Tickets

STANDING = Standing(("key",), "Ready", 1.0)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_link_lets_in_once(clock: Clock) -> None:
    links = Tickets(300, clock)
    token = links.issue("sean", STANDING)
    ticket = links.take(token)
    assert ticket is not None
    assert ticket.person == "sean"
    assert links.take(token) is None


def test_one_that_is_too_old_is_none(clock: Clock) -> None:
    links = Tickets(300, clock)
    first, second = links.issue("sean", STANDING), links.issue("sean", STANDING)
    clock.now += 299
    assert links.take(first) is not None
    clock.now += 1
    assert links.take(second) is None


@pytest.mark.parametrize("token", ["", "x", "\udcff", "a" * 100_000])
def test_what_never_was_one(clock: Clock, token: str) -> None:
    links = Tickets(300, clock)
    links.issue("sean", STANDING)
    assert links.find(token) is None


def test_a_persons_oldest_makes_room(clock: Clock) -> None:
    sessions = Tickets(300, clock)
    other = sessions.issue("anna", STANDING)
    tokens = [sessions.issue("sean", STANDING) for _ in range(MOST_OF_PERSON + 2)]
    assert [sessions.find(token) is not None for token in tokens] == [False] * 2 + [True] * MOST_OF_PERSON
    assert sessions.find(other) is not None


def test_there_is_an_end_to_all_of_them(clock: Clock) -> None:
    sessions = Tickets(300, clock)
    tokens = [sessions.issue(f"person {number}", STANDING) for number in range(MOST + 5)]
    assert sum(sessions.find(token) is not None for token in tokens) == MOST
    assert sessions.find(tokens[-1]) is not None


def test_no_token_is_kept_as_it_is(clock: Clock) -> None:
    sessions = Tickets(300, clock)
    assert sessions.issue("sean", STANDING) not in repr(vars(sessions))

"""What somebody hears, look after look: what is new, what changed, what is over, and nothing twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from homeprod.core.overview.matter import BACKUPS, PROXMOX, Matter
from homeprod.notices.memory import Memory
from homeprod.notices.news import MOST_KEPT, News, Sight, find_news, learn, make_sight
from homeprod.notices.words import MOST_LETTERS, MOST_LINES, write_body, write_title

NOW = 1_800_000_000.0
LOCKED = Matter(
    "n is Locked for 1 d; 3 hosts wait", "ssh -t n unlock", "n state", "n", ("Locked", "waits"), NOW - 60,
    brief="n is Locked; 3 hosts wait",
)  # fmt: skip
DRIFT = Matter("web differs", "", "web drift", "n, of its hosts", since=NOW, patience=3600)
PLAN = Matter("not as the site says: web (+ create)", "homeprod plan", "plan", PROXMOX, ("web",), patience=1800)
ALL = (PROXMOX, BACKUPS, "n", "n, of its hosts")


@dataclass
class Listener:
    """One target over many looks, with the memory written and read between them."""

    memory: Memory = field(default_factory=Memory)
    now: float = NOW

    def look(self, *matters: Matter, seen: tuple[str, ...] = ALL, after: float = 300, reached: bool = True) -> News:
        self.now += after
        return self.see(make_sight(matters, seen, ALL, self.now), reached=reached)

    def see(self, sight: Sight, *, reached: bool = True) -> News:
        self.memory = Memory.model_validate_json(self.memory.model_dump_json())
        self.memory.note_first(sight)
        known, due = self.memory.find("me"), self.memory.list_due(sight)
        news = find_news(known, sight, due)
        if news:
            self.memory.note("me", learn(known, sight, due, was_reached=reached))
        return news


@pytest.fixture
def listener() -> Listener:
    return Listener()


def test_it_is_told_once_and_once_when_it_is_over(listener: Listener) -> None:
    assert listener.look(LOCKED).new == (LOCKED,)
    for _ in range(3):
        assert not listener.look(replace(LOCKED, text="n is Locked for 2 d; 3 hosts wait"))
    assert listener.look() == News(over=("n is Locked; 3 hosts wait",))
    assert not listener.look()
    assert listener.look(LOCKED).new == (LOCKED,), "again is new"


def test_what_changed_is_told_again(listener: Listener) -> None:
    listener.look(replace(LOCKED, names=("Locked", "")))
    assert listener.look(LOCKED).changed == (LOCKED,)
    assert not listener.look(LOCKED)


def test_what_may_pass_by_itself_is_told_when_it_lasts(listener: Listener) -> None:
    assert not listener.look(DRIFT, after=3599)
    assert not listener.look()
    assert not listener.look(replace(DRIFT, since=listener.now))
    assert listener.look(DRIFT, after=3600).new == (DRIFT,)


def test_where_nobody_knows_since_when_it_counts_from_the_first_look(listener: Listener) -> None:
    assert not listener.look(PLAN)
    assert not listener.look(PLAN, after=1799)
    assert not listener.look()
    assert not listener.look(PLAN, after=5000), "it went meanwhile, and begins anew"
    assert listener.look(PLAN, after=1800).new == (PLAN,)


def test_a_clock_that_was_set_back_delays_and_loses_nothing(listener: Listener) -> None:
    listener.look(PLAN)
    assert not listener.look(PLAN, after=-10_000_000)
    assert listener.look(PLAN, after=1800).new == (PLAN,)


def test_what_could_not_be_asked_is_as_it_was(listener: Listener) -> None:
    listener.look(LOCKED)
    assert not listener.look(seen=(PROXMOX,))
    assert not listener.see(make_sight([], ["the look"], None, listener.now))
    assert listener.look().over == ("n is Locked; 3 hosts wait",)


def test_of_a_node_that_is_no_more_nothing_is_left(listener: Listener) -> None:
    listener.look(LOCKED)
    assert listener.see(make_sight([], [PROXMOX], [PROXMOX], listener.now)).over == ("n is Locked; 3 hosts wait",)


def test_who_was_not_reached_is_told_at_the_next_look(listener: Listener) -> None:
    assert listener.look(LOCKED, reached=False).new == (LOCKED,)
    assert listener.look(LOCKED, reached=False).new == (LOCKED,)
    assert listener.look(LOCKED).new == (LOCKED,)
    assert not listener.look(LOCKED)
    assert listener.look(reached=False).over == ("n is Locked; 3 hosts wait",)
    assert listener.look().over == ("n is Locked; 3 hosts wait",)
    assert not listener.look()


def test_what_came_and_went_while_nobody_was_reached_is_not_lost(listener: Listener) -> None:
    listener.look(LOCKED, reached=False)
    assert listener.look(reached=False).passed == ("n is Locked; 3 hosts wait",)
    assert listener.look() == News(passed=("n is Locked; 3 hosts wait",))
    assert not listener.look()


def test_what_is_kept_is_bounded(listener: Listener) -> None:
    for start in range(0, 3 * MOST_KEPT, MOST_KEPT):
        many = [Matter(f"m{number}", source=PROXMOX) for number in range(start, start + 2 * MOST_KEPT)]
        listener.look(*many, reached=False)
        listener.look(*many)
    known = listener.memory.find("me")
    assert max(len(known.told), len(known.missed), len(listener.memory.first)) <= MOST_KEPT


def test_its_words_are_few(listener: Listener) -> None:
    news = listener.look(LOCKED, *[Matter(f"host-{number}: {'x' * 300}", "do it") for number in range(300)])
    body = write_body(news)
    assert write_title("home", news) == "home: 301 need a person"
    assert body.startswith("! n is Locked; 3 hosts wait\n    ssh -t n unlock\n! host-0: x")
    assert body.splitlines()[-1].endswith("more: homeprod status")
    assert len(body.splitlines()) <= MOST_LINES + 2
    assert len(body) <= MOST_LETTERS + 100


def test_control_signs_of_a_machine_reach_no_terminal(listener: Listener) -> None:
    assert write_body(listener.look(Matter("a\x1b[2J\nb"))) == "! a [2J b"


@pytest.mark.parametrize(
    ("news", "title"),
    [
        (News(new=(LOCKED,)), "home: 1 needs a person"),
        (News(new=(LOCKED,), changed=(PLAN,), over=("x",)), "home: 2 need a person, 1 over"),
        (News(over=("x", "y"), standing=1), "home: 2 over"),
        (News(over=("x",)), "home: nothing needs a person any more"),
        (News(passed=("x",)), "home: 1 came and went"),
    ],
)
def test_its_title_says_what_it_is_about(news: News, title: str) -> None:
    assert write_title("home", news) == title

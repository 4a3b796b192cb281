"""The ledger: what a ring does, what a turn does, and what nobody may do twice."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from homeprod.control.hosts.errors import (
    ConflictingIdError,
    HeldKeyError,
    NothingHeldError,
    RunningHostError,
    StorageError,
    UnknownHostError,
    UnknownRunError,
)
from homeprod.control.hosts.host import HostState, Ring, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Outcome, Turn
from homeprod.core.errors import ControlError

DONE = Outcome(RunStatus.SUCCESSFUL)
RING = Ring("msg_1", "lab-proxy", "lab", "vm/lab-proxy:1", ("ssh-ed25519 AAAA",), "sean", "digest-1")


def keep(folder: Path, story: Callable[[Ledger], Awaitable[None]]) -> None:
    """Tell ``story`` with a ledger that is open meanwhile."""

    async def tell() -> None:
        ledger = Ledger(folder / "control.db")
        await ledger.open()
        try:
            await story(ledger)
        finally:
            await ledger.close()

    asyncio.run(tell())


def again(number: int, **facts: object) -> Ring:
    return replace(RING, id=f"msg_{number}", digest_of_body=f"digest-{number}", **facts)  # type: ignore[arg-type]


async def claim(ledger: Ledger, owner: str = "me") -> Turn:
    turn = await ledger.claim(owner)
    assert turn is not None
    return turn


async def finish(ledger: Ledger, turn: Turn, outcome: Outcome = DONE, revision: str = "r1") -> bool:
    await ledger.begin(turn.run, revision)
    return await ledger.end(turn.run, outcome, kept_runs=200)


def test_a_ring_becomes_one_run_and_its_end_is_what_the_host_is(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        accepted = await ledger.ring(RING)
        assert accepted.is_new
        turn = await claim(ledger)
        assert (turn.run.id, turn.run.instance, turn.run.rung_by) == (accepted.run_id, RING.instance, "sean")
        assert await ledger.claim("me") is None
        assert await finish(ledger, turn)
        host = await ledger.host("lab-proxy")
        assert (host.state, host.applied_revision, host.applied_instance) == (HostState.IDLE, "r1", RING.instance)
        assert host.is_current

    keep(tmp_path, story)


def test_the_same_ring_gets_the_same_answer_and_its_id_is_no_other_ring(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        first = await ledger.ring(RING)
        turn = await claim(ledger)
        assert (await ledger.ring(RING)).run_id == first.run_id
        await finish(ledger, turn)
        repeated = await ledger.ring(RING)
        assert (repeated.run_id, repeated.is_new) == (first.run_id, False)
        with pytest.raises(ConflictingIdError, match="another ring"):
            await ledger.ring(replace(RING, digest_of_body="other"))
        assert await ledger.claim("me") is None

    keep(tmp_path, story)


def test_many_rings_during_a_run_make_one_more(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        turn = await claim(ledger)
        answers = await asyncio.gather(*(ledger.ring(again(n, instance=f"i{n}")) for n in range(2, 302)))
        assert {answer.run_id for answer in answers} == {turn.run.id + 1}
        assert sum(answer.is_new for answer in answers) == 1
        assert await ledger.claim("me") is None
        await finish(ledger, turn)
        more = await claim(ledger)
        assert (more.run.id, more.run.instance) == (turn.run.id + 1, "i301")
        await finish(ledger, more)
        assert await ledger.claim("me") is None
        assert len(await ledger.runs()) == 2

    keep(tmp_path, story)


def test_hosts_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        await ledger.ring(again(2, host="lab-coder"))
        assert {(await claim(ledger)).host.name, (await claim(ledger)).host.name} == {"lab-proxy", "lab-coder"}

    keep(tmp_path, story)


def test_a_newer_revision_that_is_wanted_during_a_run_gets_a_run(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        turn = await claim(ledger)
        await ledger.begin(turn.run, "r1")
        assert await ledger.want_revision("lab-proxy", "r2", "push") is None
        await ledger.end(turn.run, DONE, 200)
        newer = await claim(ledger)
        assert newer.host.wanted_revision == "r2"
        await finish(ledger, newer, revision="r2")
        assert (await ledger.host("lab-proxy")).applied_revision == "r2"
        assert await ledger.want_revision("lab-proxy", "r2", "push") is None
        assert await ledger.claim("me") is None

    keep(tmp_path, story)


def test_another_key_is_held_until_a_person_trusts_it(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        await finish(ledger, await claim(ledger))
        other = again(2, host_keys=("ssh-ed25519 BBBB",), instance="i2")
        for wish in (other, other, again(3, host_keys=(), instance="i2")):
            with pytest.raises(HeldKeyError, match="held"):
                await ledger.ring(wish)
        assert await ledger.claim("me") is None
        assert await ledger.want_current("unlock") == 0
        host = await ledger.host("lab-proxy")
        assert (host.host_keys, host.held_keys, host.held_by) == (RING.host_keys, other.host_keys, "sean")
        with pytest.raises(NothingHeldError):
            await ledger.trust("lab-proxy", "sean", ("ssh-ed25519 CCCC",))
        await ledger.trust("lab-proxy", "sean", other.host_keys)
        turn = await claim(ledger)
        assert (turn.host.host_keys, turn.host.held_keys, turn.run.instance) == (other.host_keys, (), "i2")
        with pytest.raises(NothingHeldError, match="no such key is held"):
            await ledger.trust("lab-proxy", "sean", other.host_keys)

    keep(tmp_path, story)


def test_an_id_of_a_call_counts_once(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        await ledger.use_id("call-1", "digest")
        for used in ("call-1", RING.id):
            with pytest.raises(ConflictingIdError):
                await ledger.use_id(used, "digest")

    keep(tmp_path, story)


def test_a_site_may_allow_another_key(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        ledger.rekey = "allow"
        await ledger.ring(RING)
        await ledger.ring(again(2, host_keys=("ssh-ed25519 BBBB",)))
        assert (await claim(ledger)).host.host_keys == ("ssh-ed25519 BBBB",)

    keep(tmp_path, story)


def test_what_is_noted_while_locked_is_no_run_until_the_node_is_ready(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.note_wanted(RING)
        await ledger.note_wanted(replace(RING, host_keys=("ssh-ed25519 BBBB",)))
        host = await ledger.host("lab-proxy")
        assert (host.state, host.host_keys) == (HostState.IDLE, RING.host_keys)
        assert host.held_keys == ("ssh-ed25519 BBBB",)
        assert await ledger.claim("me") is None
        await ledger.note_wanted(again(2, instance="i2"))
        assert await ledger.want_current("unlock") == 1
        turn = await claim(ledger)
        assert (turn.run.instance, turn.run.rung_by) == ("i2", "unlock")
        await finish(ledger, turn)
        assert await ledger.want_current("unlock") == 0
        assert (await ledger.ring(again(2, instance="i2"))).is_new

    keep(tmp_path, story)


def test_what_somebody_canceled_stays_so_until_it_is_rung_for(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        accepted = await ledger.ring(RING)
        await ledger.cancel(accepted.run_id, "ops")
        assert await ledger.want_current("unlock") == 0
        await ledger.note_wanted(again(2, instance=RING.instance))
        assert await ledger.want_current("unlock") == 1

    keep(tmp_path, story)


def test_a_ring_while_locked_is_a_run_after_the_unlock_though_the_host_was_current(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        await finish(ledger, await claim(ledger))
        assert await ledger.want_current("unlock") == 0
        await ledger.note_wanted(again(2))
        assert (await ledger.host("lab-proxy")).asked_by == "sean"
        assert [await ledger.want_current("unlock") for _ in range(2)] == [1, 0]
        await finish(ledger, await claim(ledger))
        assert await ledger.claim("me") is None

    keep(tmp_path, story)


def test_a_failed_run_is_tried_again_and_then_waits_for_a_person(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        now = ledger.clock.now()
        await finish(ledger, await claim(ledger), Outcome(RunStatus.FAILED, "no", retry_at=now))
        second = await claim(ledger)
        assert second.host.attempt == 2
        await finish(ledger, second, Outcome(RunStatus.FAILED, "no", retry_at=now + 3600))
        assert await ledger.claim("me") is None
        assert 3500 < (await ledger.find_next_due() or 0) <= 3600
        await ledger.retry("lab-proxy", "sean")
        third = await claim(ledger)
        assert third.host.attempt == 1
        await finish(ledger, third, Outcome(RunStatus.FAILED, "still no"))
        host = await ledger.host("lab-proxy")
        assert (host.state, host.problem, host.applied_instance) == (HostState.FAILED, "still no", "")
        assert await ledger.find_next_due() is None
        assert (await ledger.ring(again(2))).is_new

    keep(tmp_path, story)


def test_a_queued_run_is_canceled_at_once_and_a_running_one_marked(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        first = await ledger.ring(RING)
        await ledger.cancel(first.run_id, "sean")
        assert (await ledger.run(first.run_id)).status is RunStatus.CANCELED
        assert await ledger.claim("me") is None
        second = await ledger.ring(again(2))
        turn = await claim(ledger)
        await ledger.cancel(second.run_id, "sean")
        assert (await ledger.run(turn.run.id)).canceled_by == "sean"
        # The daemon dies before the run ends: what a person wanted stays so.
        assert await ledger.recover("somebody else", 900) == 1
        assert (await ledger.run(turn.run.id)).status is RunStatus.CANCELED
        assert await ledger.claim("me") is None

    keep(tmp_path, story)


def test_what_a_dead_daemon_left_is_put_back_and_its_word_counts_no_more(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        stale = await claim(ledger, "dead")
        assert await ledger.recover("me", 900) == 1
        turn = await claim(ledger)
        assert (turn.run.id, turn.host.attempt) == (stale.run.id, 1)
        assert not await ledger.end(stale.run, DONE, 200)
        await ledger.add_events(stale.run, ["{}"])
        assert await ledger.events(stale.run.id) == []
        assert await finish(ledger, turn)
        assert not await ledger.end(turn.run, DONE, 200)

    keep(tmp_path, story)


def test_a_ring_takes_the_place_of_what_a_dead_daemon_left(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        first = await ledger.ring(RING)
        await claim(ledger, "dead")
        second = await ledger.ring(again(2, instance="i2"))
        await ledger.recover("me", 900)
        assert (await ledger.run(first.run_id)).status is RunStatus.CANCELED
        turn = await claim(ledger)
        assert (turn.run.id, turn.run.instance) == (second.run_id, "i2")

    keep(tmp_path, story)


def test_nobody_waits_longer_than_the_longest_wait_after_the_clock_was_set_back(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        far = ledger.clock.now() + 10 * 365 * 86_400
        await finish(ledger, await claim(ledger), Outcome(RunStatus.FAILED, "no", retry_at=far))
        await ledger.recover("me", 900)
        assert 0 < (await ledger.find_next_due() or 0) <= 900

    keep(tmp_path, story)


def test_old_runs_and_ids_are_forgotten_but_a_hosts_last_never(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(again(1, host="quiet"))
        quiet = await claim(ledger)
        await ledger.add_events(quiet.run, ["{}"])
        await finish(ledger, quiet)
        for number in range(2, 12):
            await ledger.ring(again(number))
            turn = await claim(ledger)
            await ledger.add_events(turn.run, ["{}", "{}"])
            await ledger.end(turn.run, DONE, kept_runs=3)
        runs = await ledger.runs()
        assert [run.id for run in runs] == [11, 10, 9, 1]
        assert await ledger.events(2) == []
        assert [event.seq for event in await ledger.events(11)] == [1, 2]
        assert len(await ledger.events(1)) == 1

    keep(tmp_path, story)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        with pytest.raises(UnknownHostError):
            await ledger.retry("nobody", "sean")
        with pytest.raises(UnknownHostError):
            await ledger.trust("nobody", "sean", ())
        with pytest.raises(UnknownRunError):
            await ledger.cancel(7, "sean")
        with pytest.raises(UnknownRunError):
            await ledger.run(7)
        with pytest.raises(UnknownHostError):
            await ledger.host("nobody")

    keep(tmp_path, story)


def test_one_daemon_alone_has_a_ledger(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        with pytest.raises(ControlError, match="another daemon"):
            await Ledger(tmp_path / "control.db").open()

    keep(tmp_path, story)
    keep(tmp_path, lambda ledger: ledger.recover("me", 900))  # type: ignore[arg-type,return-value]


def test_events_are_told_in_their_order_from_wherever_one_was(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        heard: list[int] = []
        stop = ledger.listen(lambda notice: heard.append(notice.run))
        await ledger.ring(RING)
        turn = await claim(ledger)
        await asyncio.gather(*(ledger.add_events(turn.run, [f'"{n}a"', f'"{n}b"']) for n in range(50)))
        stop()
        events = await ledger.events(turn.run.id, after=98)
        assert [(event.seq, event.data) for event in events] == [(99, '"49a"'), (100, '"49b"')]
        assert heard == [0, *[turn.run.id] * 50]

    keep(tmp_path, story)


@pytest.mark.parametrize("jump", [-10 * 365 * 86_400, 10 * 365 * 86_400])
def test_a_clock_that_jumps_moves_nothing_that_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        retry_at = ledger.clock.now() + 600
        await finish(ledger, await claim(ledger), Outcome(RunStatus.FAILED, "no", retry_at=retry_at))
        wall = time.time
        monkeypatch.setattr(time, "time", lambda: wall() + jump)
        assert await ledger.claim("me") is None
        assert 590 < (await ledger.find_next_due() or 0) <= 600
        await ledger.ring(again(2))
        assert await ledger.claim("me") is not None

    keep(tmp_path, story)


def test_a_database_of_a_later_homeprod_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "control.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ControlError, match="written by a later homeprod"):
        keep(tmp_path, check_nothing)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "control.db").write_text("not a database, but long enough to be read as the header of one" * 10)
    with pytest.raises(StorageError, match="not a database"):
        keep(tmp_path, check_nothing)


async def check_nothing(ledger: Ledger) -> None:
    raise AssertionError("it was opened")


def test_a_forgotten_host_is_unknown_until_it_is_rung_for(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        await ledger.note_wanted(again(2, host="lab-poxy"))
        assert (await ledger.forget("lab-poxy", "admin")).asked_by == "sean"
        assert (await ledger.forget("lab-proxy", "admin")).host_keys == RING.host_keys
        assert await ledger.hosts() == []
        [run] = await ledger.runs()
        assert (run.status, run.canceled_by) == (RunStatus.CANCELED, "admin")
        assert (await ledger.claim("me"), await ledger.want_current("me")) == (None, 0)
        with pytest.raises(UnknownHostError):
            await ledger.forget("lab-proxy", "admin")
        await ledger.ring(again(3, host_keys=("ssh-ed25519 BBBB",)))
        assert (await ledger.host("lab-proxy")).host_keys == ("ssh-ed25519 BBBB",)

    keep(tmp_path, story)


def test_a_running_host_is_not_forgotten(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.ring(RING)
        turn = await claim(ledger)
        with pytest.raises(RunningHostError):
            await ledger.forget("lab-proxy", "admin")
        await finish(ledger, turn)
        await ledger.forget("lab-proxy", "admin")

    keep(tmp_path, story)

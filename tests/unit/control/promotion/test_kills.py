"""A control node that is killed at every step of a roll-out: the next daemon goes on from where it stood."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.unit.control.promotion.gated import HOSTS, ORDER, Life, Site, begin, open_ledger

from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.writer import Writer

pytestmark = pytest.mark.slow

T = TypeVar("T")


class Killed(BaseException):
    """Nothing of ours catches it."""


def kill_at(ledger: Ledger, number: int, *, is_written: bool) -> Callable[[], int]:
    """Have the ``number``-th write be the last thing that this daemon does; how many there were."""
    writer: Writer = ledger._writer
    plain, count = writer.write, 0

    async def write(do: Callable[..., T]) -> T:
        nonlocal count
        count += 1
        if count < number:
            return await plain(do)
        if is_written and count == number:
            await plain(do)
        raise Killed

    writer.write = write  # type: ignore[method-assign,assignment]
    return lambda: count


async def roll_out_once(site: Site, number: int, *, is_written: bool) -> tuple[bool, list[str]]:
    """One daemon's life, until its end or that write; whether it was killed, and which hosts it ran."""
    ledger = await open_ledger(site)
    played: list[str] = []
    try:
        life = Life(site, ledger)
        kill_at(ledger, number, is_written=is_written)
        await life.repositories.recall()
        await ledger.recover(f"daemon {number} {is_written}", 900.0)
        await life.gate.recall(("prod",))
        await life.fetch()
        for _ in range(10):
            await life.gate.step()
            turn = await ledger.claim(f"daemon {number} {is_written}")
            if turn is None:
                break
            played.append(turn.host.name)
            await life.play(turn)
    except Killed:
        return True, played
    finally:
        await ledger.close()
    return False, played


@pytest.mark.parametrize("is_written", [False, True])
def test_a_daemon_that_is_killed_at_each_write_in_turn_goes_on(tmp_path: Path, is_written: bool) -> None:
    """The n-th life is killed at its n-th write; so each finds what the one before has left."""
    site = Site.make(tmp_path / "site")

    async def prepare(life: Life) -> None:
        site.change("proxy", "web", "mail")
        site.try_on(*HOSTS)

    begin(site, prepare)

    async def live_on() -> list[str]:
        played: list[str] = []
        for number in range(1, 60):
            is_killed, more = await roll_out_once(site, number, is_written=is_written)
            played += more
            if not is_killed:
                return played
        raise AssertionError("it comes to no end")

    played = asyncio.run(live_on())
    assert list(dict.fromkeys(played)) == list(ORDER), "in their order, none left out"

    async def look() -> None:
        ledger = await open_ledger(site)
        try:
            assert {one.applied_revision for one in await ledger.hosts()} == {site.head}
            assert {one.state.value for one in await ledger.hosts()} == {"idle"}
            life = Life(site, ledger)
            await life.repositories.recall()
            await life.gate.recall(("prod",))
            assert set(life.states.values()) == {"done"}
        finally:
            await ledger.close()

    asyncio.run(look())


def test_a_daemon_that_is_killed_before_each_write_of_one_roll_out_half_does_nothing(tmp_path: Path) -> None:
    """Each life over the very same beginning: whatever it was killed at, no host is run before its turn."""
    for number in range(2, 32, 5):
        site = Site.make(tmp_path / f"site-{number}")

        async def prepare(life: Life, site: Site = site) -> None:
            site.change("proxy", "web", "mail")
            site.try_on(*HOSTS)

        begin(site, prepare)
        is_killed, first = asyncio.run(roll_out_once(site, number, is_written=True))
        _, rest = asyncio.run(roll_out_once(site, 1000, is_written=True))
        assert list(dict.fromkeys((*first, *rest))) == list(ORDER)
        if not is_killed:
            return
    raise AssertionError("it comes to no end")

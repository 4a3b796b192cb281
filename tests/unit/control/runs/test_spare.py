"""Spare workers: used once, replaced where they died, and gone with the lock."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.unit.control.runs.node import make_job, start_workers

from homeprod.control.runs.launcher import Channel, ProcessChannel
from homeprod.control.runs.spare import Spares

SHORT = Path(__file__).with_name("short_worker.py")


def pid(channel: Channel) -> int:
    assert isinstance(channel, ProcessChannel)
    return channel._child.pid


def is_alive(number: int) -> bool:
    return Path(f"/proc/{number}").exists()


def test_a_spare_is_used_once_and_goes_with_the_lock(tmp_path: Path) -> None:
    async def story() -> None:
        spares = Spares(lambda _: start_workers((sys.executable, str(SHORT), str(tmp_path))))
        spares.warm(("lab",))
        first = await spares.find("lab").launch()
        await first.hand_over(make_job(tmp_path, host="lab-proxy", playbook="nothing"))
        assert [message["end"]["status"] async for message in first if "end" in message] == ["successful"]
        await first.close()
        second = await spares.find("lab").launch()
        assert pid(second) != pid(first)
        await second.close()
        spares.refill("lab")
        third = await spares.find("lab")._spare  # type: ignore[misc]
        assert is_alive(pid(third))
        await spares.cool()
        assert not is_alive(pid(third))
        spares.refill("lab")
        assert spares.find("lab")._spare is None, "nothing is started while the node is locked"

    asyncio.run(story())


def test_a_spare_that_died_is_replaced(tmp_path: Path) -> None:
    async def story() -> None:
        argv = [("true",), (sys.executable, str(SHORT), str(tmp_path))]
        launcher = start_workers(argv[0])
        spares = Spares(lambda _: launcher)
        spares.warm(("lab",))
        dead = await spares.find("lab")._spare  # type: ignore[misc]
        while dead.is_open:
            await asyncio.sleep(0.01)
        launcher._argv = argv[1]
        living = await spares.find("lab").launch()
        assert pid(living) != pid(dead)
        assert living.is_open
        await living.close()
        await spares.cool()

    asyncio.run(story())


def test_a_spare_that_nobody_needs_is_let_go_and_the_next_run_gets_a_new_one(tmp_path: Path) -> None:
    async def story() -> None:
        spares = Spares(lambda _: start_workers((sys.executable, str(SHORT), str(tmp_path))), patience=0.1)
        spares.warm(("lab",))
        spare = await spares.find("lab")._spare  # type: ignore[misc]
        async with asyncio.timeout(30):
            while is_alive(pid(spare)):
                await asyncio.sleep(0.01)
        other = await spares.find("lab").launch()
        assert other.is_open
        await other.close()
        spares.refill("lab")
        await spares.cool()
        assert (spares.find("lab")._spare, spares.find("lab")._parting) == (None, [])

    asyncio.run(story())

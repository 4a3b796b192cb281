"""New configurations while clients ask and connections are held: nobody notices."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.held_open import Holding, hold, keep_holding, open_session, run_words
from tests.nginx_load import Tally, keep_asking
from tests.nginx_process import Way, make_server, open_way

from homeprod.network.nginx.passthrough import render_passthrough
from homeprod.network.nginx.proxy import Block, render_proxy

REQUESTS = int(os.environ.get("HOMEPROD_REQUESTS", "2000"))
CHANGES = int(os.environ.get("HOMEPROD_CHANGES", "20"))
NAMES = ("demo.lab.example", "files.example")
HELD = 16
GRACE = 5
"""Seconds that are promised to a connection after the table has changed."""

pytestmark = pytest.mark.slow


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    with run_words() as port, open_way(tmp_path, dict.fromkeys(("demo", "files", "near"), port), grace=GRACE) as way:
        yield way


def test_a_held_connection_has_its_promised_time(way: Way) -> None:
    """Not a moment less; whoever connects after the change is not concerned."""

    async def story() -> tuple[float, list[Holding], list[Holding]]:
        over, old, new = asyncio.Event(), make_holdings(), make_holdings()
        async with open_session(way) as session, asyncio.TaskGroup() as group:

            def begin(holdings: list[Holding]) -> list[asyncio.Task[None]]:
                names = (NAMES[number % len(NAMES)] for number in range(HELD))
                return [
                    group.create_task(hold(session, way, name, over, holding))
                    for name, holding in zip(names, holdings, strict=True)
                ]

            olds = begin(old)
            await wait_until(lambda: all(one.said > 1 for one in old))
            workers = list_workers(way)
            changed = time.monotonic()
            await asyncio.to_thread(change_table, way, 0)
            await wait_until(lambda: not workers & list_workers(way))
            begin(new)
            await asyncio.gather(*olds)
            said = [one.said for one in new]
            await wait_until(lambda: all(one.said > before for one, before in zip(new, said, strict=True)))
            over.set()
        return changed, old, new

    changed, old, new = asyncio.run(asyncio.wait_for(story(), 100))
    for one in old:
        assert one.ended is not None
        assert one.ended - changed >= GRACE
    assert [one.ended for one in new] == [None] * HELD


def test_changes_under_load_fail_no_request(way: Way, figure: Callable[[str], None]) -> None:
    tally = Tally()

    async def story() -> list[Holding]:
        over = asyncio.Event()
        async with open_session(way) as session, asyncio.TaskGroup() as group:
            group.create_task(keep_asking(way, NAMES, tally, over, 8))
            held = [group.create_task(keep_holding(session, way, NAMES[one % 2], over)) for one in range(HELD)]
            for number in range(CHANGES):
                await wait_until(lambda number=number: tally.failed or tally.answered >= REQUESTS * number / CHANGES)
                await asyncio.to_thread(change_table, way, number)
            await wait_until(lambda: tally.failed or tally.answered >= REQUESTS)
            over.set()
        return [one for task in held for one in task.result()]

    holdings = asyncio.run(asyncio.wait_for(story(), 3000))
    assert tally.failed == []
    assert all(one.said for one in holdings)
    ended = [one.ended - one.began for one in holdings if one.ended is not None]
    assert min(ended, default=GRACE) >= GRACE
    figure(
        f"nginx: {tally.answered} requests over {CHANGES} changes, none failed, {tally.retried} sent once more;"
        f" {len(holdings)} held connections, {len(ended)} of them ended, none within {GRACE} s"
    )


def make_holdings() -> list[Holding]:
    return [Holding(time.monotonic()) for _ in range(HELD)]


def list_workers(way: Way) -> set[int]:
    return {pid for nginx in way.nginxes.values() for pid in nginx.list_workers()}


async def wait_until(is_so: Callable[[], object]) -> None:
    """Whoever calls bounds it."""
    while not is_so():
        await asyncio.sleep(0.01)


def change_table(way: Way, number: int) -> None:
    """A service and its route come, and go with the next ones; each nginx has something new."""
    names = {"lab-proxy": f"new-{number}.lab.example", "prod-proxy": f"new-{number}.example"}
    for host, proxy in way.proxies.items():
        first = proxy.servers[0]
        more = replace(
            make_server(f"new-{number}", (names[host],), first.upstreams[0][1]),
            blocks=(Block((names[host],), first.name),),
        )
        way.nginxes[host].replace(render_proxy(replace(proxy, servers=(*proxy.servers, more))))
    routes = {**way.passthrough.routes, f"other-{number}.example": "lab-proxy"}
    way.nginxes["passthrough"].replace(render_passthrough(replace(way.passthrough, routes=routes)))

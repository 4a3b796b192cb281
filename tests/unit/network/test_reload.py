"""New configurations while clients ask and connections are held: nobody notices."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.nginx_load import Tally, keep_asking
from tests.nginx_process import Way, make_server, open_way, run_service

from homeprod.network.nginx.passthrough import render_passthrough
from homeprod.network.nginx.proxy import Block, render_proxy

REQUESTS = int(os.environ.get("HOMEPROD_REQUESTS", "2000"))
CHANGES = int(os.environ.get("HOMEPROD_CHANGES", "20"))
NAMES = ("demo.lab.example", "files.example")


@pytest.fixture
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(run_service(name)) for name in ("demo", "files", "near")}
        yield stack.enter_context(open_way(tmp_path_factory.mktemp("way"), ports))


@pytest.mark.slow
def test_changes_under_load_fail_no_request(way: Way, figure: Callable[[str], None]) -> None:
    tally, port = Tally(), way.proxies["prod-proxy"].servers[0].upstreams[0][1]

    async def story() -> None:
        over = asyncio.Event()
        asking = asyncio.create_task(keep_asking(way, NAMES, tally, over, 8))
        for number in range(CHANGES):
            while tally.answered < REQUESTS * number / CHANGES and not tally.failed:
                await asyncio.sleep(0.01)
            change_name(way, number, port)
        while tally.answered < REQUESTS and not tally.failed:
            await asyncio.sleep(0.01)
        over.set()
        await asking

    asyncio.run(asyncio.wait_for(story(), 600))
    assert tally.failed == []
    figure(f"nginx: {tally.answered} requests over {CHANGES} changes, none failed, {tally.retried} sent once more")


def change_name(way: Way, number: int, port: int) -> None:
    """A service and its route come, and go with the next one."""
    name = f"new-{number}.lab.example"
    more = replace(make_server(f"new-{number}", (name,), port), blocks=(Block((name,), "demo"),))
    lab = way.proxies["lab-proxy"]
    way.nginxes["lab-proxy"].replace(render_proxy(replace(lab, servers=(*lab.servers, more))))
    routes = {**way.passthrough.routes, f"new-{number}.example": "lab-proxy"}
    way.nginxes["passthrough"].replace(render_passthrough(replace(way.passthrough, routes=routes)))

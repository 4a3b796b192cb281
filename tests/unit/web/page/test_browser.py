"""The page in Debian's Chromium, without script: with 0, 1 and 200 machines, by day and by night, on a phone.

``HOMEPROD_AXE`` names an axe.js (npm's axe-core), which is asked too; ``HOMEPROD_SHOTS`` a folder for screenshots.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.app_words import tell_app, tell_apps
from tests.browser import Tab, open_tab
from tests.door import OTHER_HOST_KEY, OpenDoor, make_wish
from tests.readable import FAINT, LACKS, OVERFLOWING
from tests.snapshots import make_machine, make_snapshot

from homeprod.control.state import NodeState
from homeprod.control.trouble import Trouble

pytestmark = pytest.mark.slow
AXE, SHOTS = os.environ.get("HOMEPROD_AXE", ""), os.environ.get("HOMEPROD_SHOTS", "")
PHONE, WIDE = 360, 1280
EXAMPLE = Path(__file__).parents[4] / "examples" / "pegasus-playbooks" / "site" / "pictures"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path / "door") as opened:
        yield opened


def say_all(door: OpenDoor, number: int) -> None:
    """A site of so many machines, as troubled as can be where there are some."""
    now = time.time()
    door.node.came = now - 3 * 86_400
    words = ("running", "stopped", "not there", "running, not finished")
    plans = ("as declared", "~ update", "+ create", "> finish")
    known = [
        make_machine(
            f"machine-with-a-rather-long-name-{n:03}" if n % 7 else f"m{n}",
            4_000_000 + n,
            address=f"10.111.{n // 250}.{n % 250}",
            state=words[n % 9 % 4],
            plan=plans[n % 9 % 4],
            backup={"is_in_job": bool(n % 5), "last": round(now - n * 20_000)} if n % 3 else {},
        )
        for n in range(number)
    ]
    certificates = [
        {"machine": one["name"], "name": "*.a-long-name-of-a-zone.example", "ends": round(now + 86_400 * (n - 2))}
        for n, one in enumerate(known[:20])
    ]
    door.node.hosts = {one["name"]: type(door.node.hosts["lab-proxy"])("lab") for one in known}
    assert door.call("POST", "/api/snapshot", make_snapshot(*known, certificates=certificates)).status == 200
    for one in known[::2]:
        door.ring(make_wish(one["name"]))
    for one in known[::40]:
        door.ring(make_wish(one["name"], "other", OTHER_HOST_KEY))
    for _ in known[:8:2]:
        image = "registry.example/a/rather/long/path/without/any/space@sha256:" + "9f3c" * 16
        ill = tell_app(
            "an-app-with-a-rather-long-name-of-its-own", "rolled back", problem=f"{image}: no such manifest"
        )
        door.say_apps(tell_apps(tell_app(), ill, tell_app("off", verified=""), tell_app("slow", "waits")))
    if number > 1:
        door.node.is_in = NodeState.LOCKED
        trouble = (
            "the vault repository refuses the deploy key: git@git.example:a/rather/long/path/without/any/space.git"
        )
        door.node.noted = [Trouble("vault repository", trouble, now - 4000)]
    door.node.drawn = {file.name: file for file in EXAMPLE.glob("*.svg")}


async def check(tab: Tab, name: str) -> None:
    assert await tab.ask(OVERFLOWING) <= 0, f"{name} scrolls sideways"
    assert await tab.ask(FAINT) == [], name
    assert await tab.ask(LACKS) == [], name
    if SHOTS:
        await tab.photograph(Path(SHOTS) / f"{name}.png")
    if AXE:
        await tab.allow_script(True)  # axe waits by timers; the page is there by now, and has none of its own
        await tab.ask(f"{Path(AXE).read_text()}; 0")
        found = await tab.ask(_ASK_AXE)
        await tab.allow_script(False)
        assert found == [], name


_ASK_AXE = """axe.run(document, {resultTypes: ['violations']}).then(done => done.violations.map(one =>
  [one.id, one.impact, one.help, one.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]))"""


def invite(door: OpenDoor) -> str:
    return f"{door.url}{door.call('POST', '/api/links', {}).body['path']}"


@pytest.mark.parametrize("number", [0, 1, 200])
def test_it_is_right_in_a_browser_without_script(door: OpenDoor, tmp_path: Path, number: int) -> None:
    say_all(door, number)
    link = invite(door)

    async def visit() -> None:
        async with open_tab(tmp_path / "browser") as tab:
            await tab.shape(WIDE)
            await tab.go(f"{door.url}/")
            await check(tab, f"stranger-{number}")
            await tab.go(link)
            assert await tab.ask("location.href") == f"{door.url}/", "the link is left behind"
            assert await tab.ask("document.querySelectorAll('tbody tr').length") == number
            assert await tab.ask("document.cookie") == ""
            for width in (WIDE, 960, PHONE):
                for is_dark in (False, True):
                    await tab.shape(width, is_dark=is_dark)
                    await tab.go(f"{door.url}/")
                    await check(tab, f"page-{number}-{width}-{'night' if is_dark else 'day'}")
            assert_all_came(tab)

    asyncio.run(visit())


def assert_all_came(tab: Tab) -> None:
    codes = {url.rpartition("/")[2]: code for url, code in tab.seen}
    assert codes["page.css"] == 200
    assert {code for url, code in tab.seen if "/pictures/" in url} == {200}
    said = [words for words in tab.said if "favicon" not in words and "403" not in words and "404" not in words]
    assert said == [], "no policy is broken"


def test_the_contrast_of_faint_words_is_found(tmp_path: Path) -> None:
    """The rules above can fail."""
    page = tmp_path / "page.html"
    page.write_text('<body style="background: #fff; color: #999" onload=""><p>faint</p><script></script>')

    async def visit() -> tuple[Any, Any]:
        async with open_tab(tmp_path / "browser") as tab:
            await tab.shape(PHONE)
            await tab.go(page.as_uri())
            return await tab.ask(FAINT), await tab.ask(LACKS)

    faint, lacks = asyncio.run(visit())
    assert faint == [["faint", "2.85"]]
    assert {"lang", "title", "one h1", "one main", "no script", "no style in an element"} <= set(lacks)

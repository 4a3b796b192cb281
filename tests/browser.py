"""A real browser, Debian's Chromium without a window, steered by its own protocol (chromedevtools.github.io)."""

from __future__ import annotations

import asyncio
import base64
import itertools
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = "chromium"
LIMIT = 60.0
"""Seconds for each answer."""


class Tab:
    """One tab. Whatever the page says in its console (a policy that was broken, say) is in ``said``."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line, self._numbers = line, itertools.count(1)
        self.said: list[str] = []
        self.seen: list[tuple[str, int]] = []
        """Every answer that came: its address and code."""

    async def do(self, method: str, **values: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._line.send_json({"id": number, "method": method, "params": values})
        while True:
            message = await self._line.receive_json(timeout=LIMIT)
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        values = message.get("params", {})
        if message.get("method") == "Log.entryAdded":
            self.said.append(str(values["entry"]["text"]))
        elif message.get("method") == "Network.responseReceived":
            self.seen.append((str(values["response"]["url"]), int(values["response"]["status"])))

    async def shape(self, width: int, height: int = 900, *, is_dark: bool = False, has_script: bool = False) -> None:
        await self.do(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self.do("Emulation.setEmulatedMedia", features=[scheme])
        await self.allow_script(has_script)

    async def allow_script(self, is_allowed: bool) -> None:
        """Of the page's own; what is asked here runs all the same, but for its timers."""
        await self.do("Emulation.setScriptExecutionDisabled", value=not is_allowed)

    async def go(self, url: str) -> None:
        """Until all of it is there."""
        for domain in ("Page", "Log", "Network"):
            await self.do(f"{domain}.enable")
        done = await self.do("Page.navigate", url=url)
        assert "errorText" not in done, done
        async with asyncio.timeout(LIMIT):
            while await self.ask("document.readyState") != "complete":
                await asyncio.sleep(0.05)

    async def ask(self, expression: str) -> Any:
        """What an expression of ours gives, which runs beside the page's own script."""
        told = await self.do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def photograph(self, file: Path) -> None:
        picture = await self.do("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(picture["data"]))


@asynccontextmanager
async def open_tab(folder: Path) -> AsyncIterator[Tab]:
    """A browser of its own, in ``folder``, which asks nobody on the network of itself, and believes a door's own
    certificate without asking."""
    command = (
        PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
        "--ignore-certificate-errors", "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
    )  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        port = await _find_port(folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json()
            url = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(url, max_msg_size=0) as line:
                yield Tab(line)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30)


async def _find_port(file: Path) -> int:
    async with asyncio.timeout(LIMIT):
        while not (file.is_file() and "\n" in file.read_text()):
            await asyncio.sleep(0.05)
    return int(file.read_text().split()[0])

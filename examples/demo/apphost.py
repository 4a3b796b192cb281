"""lab-coder as an app host: what it says of its apps, and how one waits for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from demo.control import LIMIT, SILENCE
from demo.entry import find_ends, find_root
from demo.repositories import APP_HOST
from demo.stage import DemoError, Stage, tell

STATUS = "/var/lib/homeprod-apps/status.json"
ZONE = "lab.pegasuspad.com"
_PAUSE = 10.0

Wanted = Callable[[dict[str, Any]], bool]


def wait_for_apps(stage: Stage, words: str, wanted: Wanted) -> dict[str, Any]:
    """The host's status, once it is ``wanted``; its timer looks each minute. Raises DemoError."""
    began, told = time.monotonic(), 0.0
    while not ((status := read_status(stage)) and wanted(status)):
        passed = time.monotonic() - began
        if passed > LIMIT:
            raise DemoError(f"{APP_HOST} came to no such state within {LIMIT:.0f} s: {words}; it says {status}")
        if passed - told > SILENCE:
            told = passed
            tell(f"  {words}: not yet, {told:.0f} s; {describe(status)}")
        time.sleep(_PAUSE)
    tell(f"  {words}, after {time.monotonic() - began:.0f} s")
    stage.run_in(APP_HOST, "sean", "homeprod-apps status || true")
    return status


def read_status(stage: Stage) -> dict[str, Any]:
    """Empty where it has not run yet."""
    text = stage.read_in(APP_HOST, "sean", f"test ! -e {STATUS} || cat {STATUS}")
    return dict(json.loads(text)) if text else {}


def describe(status: dict[str, Any]) -> str:
    apps = (f"{name} {part['state']}" for name, part in status.get("apps", {}).items())
    return ", ".join([f"{APP_HOST} {status['state']}", *apps]) if status else "it has not looked yet"


def runs(app: str, commit: str) -> Wanted:
    """As git says, at what was published."""
    return lambda status: _find(status, app, "state") == "current" and _find(status, app, "applied") == commit


def refuses(app: str, state: str, commit: str) -> Wanted:
    """It saw ``commit``, and does not run it."""
    return lambda status: (
        _find(status, app, "state") == state
        and _find(status, app, "wanted") == commit
        and _find(status, app, "applied") != commit
    )


def _find(status: dict[str, Any], app: str, fact: str) -> str:
    return str(status.get("apps", {}).get(app, {}).get(fact, ""))


def list_containers(stage: Stage) -> dict[str, str]:
    """Their ids, by name."""
    said = stage.run_in(APP_HOST, "sean", "sudo docker ps --no-trunc --format '{{.Names}} {{.ID}}'")
    return dict(line.split() for line in said.splitlines())


def ask_app(stage: Stage, app: str, path: str = "", *options: str) -> tuple[int, str]:
    """Through the front door, as somebody outside: the status and what came."""
    name, trust = f"{app}.{ZONE}", ("--cacert", str(find_root(stage, "lab")))
    where = ("--resolve", f"{name}:443:{find_ends()[0]}", "--write-out", r"\n%{http_code}")
    body, _, status = stage.ask_from_outside(f"https://{name}/{path}", *trust, *where, *options).rpartition("\n")
    return int(status), body

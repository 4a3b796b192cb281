"""What app hosts say of their apps, as they write it and as the node is told."""

from __future__ import annotations

import base64
import json
from typing import Any

COMMIT, NEWER = "9f3c1d7e64a0b2c8d5e1f7a3940b6c2d8e5f1a70", "5b80e2a91c6d4f3072e8b5a1d9c4f6038b7a2e1c"


def make_part(state: str = "current", **more: Any) -> dict[str, Any]:
    """As ``homeprod-apps`` writes it."""
    known = {"state": state, "wanted": COMMIT, "attempted": COMMIT, "applied": COMMIT, "verified": "zoe"}
    return {**known, "since": 1000.0, "problem": "", "hint": "", "url": "", "branch": "", "services": {}, **more}


def make_status(problem: str = "", ended: float = 4000.0, **apps: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": 1, "host": "lab-coder", "began": 1.0, "ended": ended, "state": "current", "problem": problem,
        "hint": "", "configuration": make_part(), "apps": apps, "connections": 1, "notes": [],
    }  # fmt: skip


def say(status: object, now: int = 4060) -> str:
    """The line of the role's look.sh."""
    text = status if isinstance(status, bytes) else json.dumps(status).encode()
    return f"release: 'debian-13'\nhomeprod_apps_status: '{now} {base64.b64encode(text).decode()}'"


def make_event(said: str) -> dict[str, Any]:
    """ansible-runner's, of the task that ran it."""
    return {"event": "runner_on_ok", "event_data": {"task": "Look at the machine", "res": {"stdout": said}}}


def tell_apps(*apps: dict[str, Any], problem: str = "", now: float = 4060, ended: float = 4000) -> dict[str, Any]:
    """As the worker tells the daemon."""
    return {"now": now, "ended": ended, "problem": problem, "apps": list(apps)}


def tell_app(name: str = "wiki", state: str = "current", **more: Any) -> dict[str, Any]:
    known = {"wanted": COMMIT, "applied": COMMIT, "verified": "zoe", "since": 1000.0, "problem": ""}
    return {"name": name, "state": state, **known, **more}

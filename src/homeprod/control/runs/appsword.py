"""What an app host says of its apps, out of ansible-runner's events: the role ``app_host`` asks each time.

What a host says may be anything. Here it is only taken apart, so that secrets in it can be masked before anything is
cut; what of it is of a form that is known, the daemon judges (:func:`homeprod.core.overview.apps.judge_word`).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from homeprod.core.overview.apps import CONFIGURATION

MOST_BYTES = 131_072
"""Of a status file; the role's ``look.sh`` sends no larger one."""
_MARK = re.compile(r"^homeprod_apps_status: '(?:(\d{1,11}) ([A-Za-z0-9+/=]*|too-large))?'$", re.MULTILINE)
_MOST_STDOUT = 2 * MOST_BYTES
UNREADABLE = "its status file cannot be read"
TOO_LARGE = "its status file is too large"


class _Part(BaseModel):
    """What the host's program writes beyond this is for a person on the machine."""

    model_config = ConfigDict(extra="ignore", strict=True)

    state: str = ""
    wanted: str = ""
    applied: str = ""
    verified: str = ""
    since: float = 0
    problem: str = ""


class _Status(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    format: int
    ended: float
    problem: str = ""
    configuration: _Part
    apps: dict[str, _Part]


def find_word(event: dict[str, Any]) -> tuple[bool, dict[str, Any] | None]:
    """Whether the event is the host's word, and the word: ``{"now", "ended", "problem", "apps"}``, None where it
    has not looked yet. Texts are whole, and not masked."""
    if event.get("event") != "runner_on_ok":
        return False, None
    result = (event.get("event_data") or {}).get("res")
    said = result.get("stdout") if isinstance(result, dict) else None
    if not isinstance(said, str) or len(said) > _MOST_STDOUT:
        return False, None
    match = _MARK.search(said)
    if match is None:
        return False, None
    return True, _read(int(match[1]), match[2]) if match[1] else None


def _read(now: int, text: str) -> dict[str, Any]:
    if text == "too-large":
        return _fail(now, TOO_LARGE)
    try:
        status = _Status.model_validate(json.loads(base64.b64decode(text, validate=True)))
    except (ValidationError, ValueError, RecursionError, binascii.Error):
        return _fail(now, UNREADABLE)
    if status.format != 1:
        return _fail(now, UNREADABLE)
    parts = {CONFIGURATION: status.configuration, **status.apps}
    apps = [{"name": name, **part.model_dump()} for name, part in parts.items() if part.state]
    return {"now": now, "ended": status.ended, "problem": status.problem, "apps": apps}


def _fail(now: int, problem: str) -> dict[str, Any]:
    return {"now": now, "ended": now, "problem": problem, "apps": []}

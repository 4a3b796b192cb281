"""What a person, and the control node, may know: /var/lib/homeprod-apps/status.json, for all to read, no secret."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .problem import Problem
from .wholefile import write_json

FORMAT = 1
FILE = "status.json"
CURRENT, STOPPED, LATE, WAITS = "current", "stopped", "late", "waits"
FAILED, UNHEALTHY, ROLLED_BACK, REFUSED = "failed", "unhealthy", "rolled back", "refused"
WORST = (FAILED, UNHEALTHY, ROLLED_BACK, REFUSED, LATE, WAITS)
"""The worst first. ``current`` and ``stopped`` are as git says. ``waits``: nothing is wrong here, a server does not
answer. ``late``: it cannot be run as it is, the one before goes on, and it is tried again. All others are for a
person."""


@dataclass
class Part:
    """The configuration, or an app. Commits: ``wanted`` is what the server has, ``attempted`` the last that was
    believed and tried, ``applied`` what runs. ``since`` is when the state began, in seconds since the epoch."""

    state: str = ""
    wanted: str = ""
    attempted: str = ""
    applied: str = ""
    verified: str = ""
    """By whose signature what runs is believed."""
    since: float = 0
    problem: str = ""
    hint: str = ""
    url: str = ""
    branch: str = ""
    services: dict[str, str] = field(default_factory=dict)

    def tell(self, state: str, problem: Problem) -> None:
        """The worst stays told: that somebody else's commit lies there is not hidden by an image that is missing."""
        if self.state in WORST and state in WORST and WORST.index(self.state) < WORST.index(state):
            return
        self.state, self.problem, self.hint = state, problem.message, problem.hint


@dataclass
class Status:
    host: str
    began: float
    ended: float = 0
    state: str = CURRENT
    """The worst of all."""
    problem: str = ""
    hint: str = ""
    configuration: Part = field(default_factory=Part)
    apps: dict[str, Part] = field(default_factory=dict)
    connections: int = 0
    """To git servers, in the last run."""
    notes: list[str] = field(default_factory=list)
    """What was put right by itself."""

    @property
    def code(self) -> int:
        """How the program ends: 0 all as git says, 1 somebody is needed, 2 a server does not answer."""
        return {CURRENT: 0, WAITS: 2}.get(self.state, 1)

    def conclude(self, now: float) -> None:
        states = {self.configuration.state, *(one.state for one in self.apps.values())}
        self.ended = now
        if self.problem:
            self.state = FAILED
        else:
            self.state = next((word for word in WORST if word in states), CURRENT)


def write_status(folder: Path, status: Status) -> None:
    """Raises OSError."""
    for part in (status.configuration, *status.apps.values()):
        part.url = hide_login(part.url)
    write_json(folder / FILE, {"format": FORMAT, **asdict(status)}, 0o644)


def read_status(folder: Path) -> dict[str, Any]:
    """Raises Problem."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Problem("it has not run yet", "homeprod-apps run") from error
    except (OSError, ValueError) as error:
        raise Problem(f"the status cannot be read: {error}", "homeprod-apps run") from error
    return found


def hide_login(url: str) -> str:
    return re.sub(r"://[^/@\s]*:[^/@\s]*@", "://", url)

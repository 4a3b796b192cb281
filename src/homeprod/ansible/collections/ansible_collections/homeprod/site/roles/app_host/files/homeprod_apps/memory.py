"""What is known from one run to the next. Git has the files; this has what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .backoff import Backoff, parse_backoff
from .wholefile import write_json

FORMAT = 1


@dataclass(frozen=True)
class Revision:
    """Of an app: the commit of its files in a mirror, and of the configuration that says how it is run. ``digest`` is
    of what that says of this app, so that another app's lines make no new revision. ``project`` and ``services`` are
    compose's, learned when it was tried out."""

    commit: str
    configuration: str
    digest: str
    mirror: str
    signer: str = ""
    project: str = ""
    services: dict[str, bool] = field(default_factory=dict)
    since: float = 0

    def is_like(self, other: Revision | None) -> bool:
        return other is not None and (self.commit, self.digest, self.mirror) == (
            other.commit, other.digest, other.mirror,
        )  # fmt: skip


@dataclass
class Known:
    """Of one app. ``applied`` is what Harbormaster was last told to run, ``is_pending`` until it is known to run it;
    ``bad`` was unhealthy, and is not tried again; ``secrets`` changes when a file of theirs does."""

    applied: Revision | None = None
    healthy: Revision | None = None
    bad: Revision | None = None
    why_bad: str = ""
    is_pending: bool = False
    secrets: str = ""
    trial: Backoff = field(default_factory=Backoff)
    """Of the revision ``tried``, which could not be tried out."""
    tried: str = ""
    repair: Backoff = field(default_factory=Backoff)
    state: str = ""
    since: float = 0
    """When the state began."""


@dataclass
class Memory:
    apps: dict[str, Known] = field(default_factory=dict)
    servers: dict[str, Backoff] = field(default_factory=dict)
    harbormaster: str = ""
    """The digest of the configuration with which it last ended well."""
    state: str = ""
    """Of the configuration, and when it began."""
    since: float = 0
    was_damaged: bool = False


def read_memory(file: Path) -> Memory:
    """An unreadable one is begun anew: git has all that matters, and every app is looked at."""
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        if given.pop("format") != FORMAT:
            return Memory(was_damaged=True)
        return Memory(
            {name: _parse_known(one) for name, one in given["apps"].items()},
            {url: parse_backoff(one) for url, one in given["servers"].items()},
            str(given["harbormaster"]),
            str(given["state"]),
            float(given["since"]),
        )
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Memory(was_damaged=True)


def write_memory(file: Path, memory: Memory) -> None:
    """Raises OSError."""
    write_json(file, {"format": FORMAT, **asdict(memory)}, 0o600)


def _parse_known(given: Mapping[str, Any]) -> Known:
    revisions = {name: Revision(**given[name]) if given[name] else None for name in ("applied", "healthy", "bad")}
    backoffs = {name: parse_backoff(given[name]) for name in ("trial", "repair")}
    return Known(**{**given, **revisions, **backoffs})

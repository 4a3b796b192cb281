"""HostLine, NodeLine: a control node and its hosts, as its door tells them to people (``GET /api/hosts``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from homeprod.core.overview.apps import AppsLine, read_apps


@dataclass(frozen=True, slots=True)
class RunLine:
    """Times are seconds since 1970; ``ended`` is None while it is under way."""

    id: int
    status: str
    ended: float | None
    problem: str


@dataclass(frozen=True, slots=True)
class Version:
    """``vault`` is the revision of the vault, ``digest`` that of all inputs of the run; empty where nobody knows."""

    revision: str
    instance: str
    vault: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class HostLine:
    """``state`` is the ledger's word (idle, due, running, failed); ``waits`` where it is not yet what it should be.
    ``is_in_inventory`` is None where the node has no inventory yet. ``drift`` counts what differs from what the
    playbooks say, ``late`` is since when nobody could look: None where the node does not look for it. ``every`` is
    minutes between two looks. ``apps`` is None where it runs none."""

    name: str
    environment: str
    state: str
    waits: bool
    is_in_inventory: bool | None
    wanted: Version
    attempted: Version
    applied: Version
    held_keys: tuple[str, ...]
    held_by: str
    problem: str
    last_run: RunLine | None = None
    drift: int | None = None
    late: float | None = None
    drift_since: float | None = None
    every: int | None = None
    apps: AppsLine | None = None

    @property
    def word(self) -> str:
        """How it is with it, in one word or two."""
        if self.held_keys:
            return "key held"
        if self.state != "idle":
            return self.state
        return "waits" if self.waits else "current" if self.applied.instance else "never configured"


@dataclass(frozen=True, slots=True)
class TroubleLine:
    """``about`` is what it is about, in words that are the site's own."""

    text: str
    since: float
    about: str = ""


@dataclass(frozen=True, slots=True)
class NodeLine:
    """``next`` is a command that brings it on, empty where it needs none. ``untold`` are hosts that wait for an
    apply, which tells their SSH host keys. ``counts`` are what everybody is told in the place of ``hosts``: of hosts
    that are ``held``, ``drifting``, ``late`` and ``ill``."""

    name: str
    state: str
    since: float
    waiting: int
    next: str = ""
    troubles: tuple[TroubleLine, ...] = ()
    untold: tuple[str, ...] = ()
    hosts: tuple[HostLine, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


def read_public(status: Mapping[str, Any]) -> NodeLine:
    """From the answer of ``/status``, which everybody is told. Raises KeyError, TypeError, ValueError."""
    troubles = tuple(TroubleLine(str(one["for"]), float(one["since"]), str(one["for"])) for one in status["waiting"])
    counts = {"held": status["hosts"]["held"], **status.get("upkeep", {})}
    return NodeLine(
        name=str(status["node"]),
        state=str(status["state"]),
        since=float(status["since"]),
        waiting=int(status["hosts"]["waiting"]),
        next=str(status["next"]),
        troubles=troubles,
        counts={name: int(count) for name, count in counts.items()},
    )


def read_node(status: Mapping[str, Any], hosts: Mapping[str, Any]) -> NodeLine:
    """From the answers of ``/api/status`` and ``/api/hosts``. Raises KeyError, TypeError, ValueError."""
    waiting = [(str(one["for"]), float(one["since"])) for one in status["waiting"]]
    return NodeLine(
        name=str(status["node"]),
        state=str(status["state"]),
        since=float(status["since"]),
        waiting=int(status["hosts"]["waiting"]),
        next=str(status["next"]),
        troubles=tuple(
            TroubleLine(str(text), since, about)
            for text, (about, since) in zip(status["problems"], waiting, strict=True)
        ),
        untold=tuple(map(str, hosts["waiting_for_apply"])),
        hosts=tuple(read_host(one) for one in hosts["hosts"]),
    )


def read_host(told: Mapping[str, Any]) -> HostLine:
    """Raises KeyError, TypeError, ValueError."""
    return HostLine(
        name=str(told["name"]),
        environment=str(told["environment"]),
        state=str(told["state"]),
        waits=bool(told["waits"]),
        is_in_inventory=told["is_in_inventory"],
        wanted=_read_version(told["wanted"]),
        attempted=_read_version(told["attempted"]),
        applied=_read_version(told["applied"]),
        held_keys=_read_words(told["held_keys"]),
        held_by=str(told["held_by"]),
        problem=str(told["problem"]),
        last_run=_read_run(told.get("last_run")),
        drift=told.get("drift"),
        late=told.get("late"),
        drift_since=told.get("drift_since"),
        every=told.get("every"),
        apps=read_apps(told),
    )


def _read_version(told: Mapping[str, Any]) -> Version:
    """A node of an earlier homeprod tells less."""
    more = (str(told.get(name, "")) for name in ("vault", "digest"))
    return Version(str(told["revision"]), str(told["instance"]), *more)


def _read_words(told: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(str, told))


def _read_run(told: Mapping[str, Any] | None) -> RunLine | None:
    if told is None:
        return None
    return RunLine(int(told["id"]), str(told["status"]), told["ended"], str(told["problem"]))

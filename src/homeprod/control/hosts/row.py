"""Rows as values."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from homeprod.control.hosts.host import Event, Host, HostState, Run, RunKind, RunStatus

_HOST = (
    "name, environment, state, wanted_revision, wanted_instance, attempted_revision, attempted_instance,"
    " applied_revision, applied_instance, due, attempt, owner, host_keys, held_keys, held_by, problem, asked_by,"
    " applied_vault, applied_digest"
)
_RUN = (
    "id, host, environment, status, revision, instance, rung_by, attempt, created, started, ended, owner,"
    " canceled_by, problem, kind, vault, digest"
)


def find_host(connection: sqlite3.Connection, name: str) -> Host | None:
    row = connection.execute(f"SELECT {_HOST} FROM hosts WHERE name = ?", (name,)).fetchone()  # noqa: S608 (our own)
    return None if row is None else _host(row)


def read_hosts(connection: sqlite3.Connection) -> list[Host]:
    """By name."""
    rows = connection.execute(f"SELECT {_HOST} FROM hosts ORDER BY name")  # noqa: S608 (our own)
    return [_host(row) for row in rows]


def find_run(connection: sqlite3.Connection, run: int) -> Run | None:
    row = connection.execute(f"SELECT {_RUN} FROM runs WHERE id = ?", (run,)).fetchone()  # noqa: S608 (our own)
    return None if row is None else _run(row)


def read_runs(connection: sqlite3.Connection, limit: int, host: str, kind: str) -> list[Run]:
    """The newest first; of all hosts where ``host`` is empty, and of every kind where ``kind`` is."""
    chosen = "WHERE ? IN ('', host) AND ? IN ('', kind)"
    statement = f"SELECT {_RUN} FROM runs {chosen} ORDER BY id DESC LIMIT ?"  # noqa: S608 (our own)
    return [_run(row) for row in connection.execute(statement, (host, kind, limit))]


def read_last_runs(connection: sqlite3.Connection) -> dict[str, Run]:
    """The newest of each host that was to set something, by its name."""
    newest = "SELECT max(id) FROM runs WHERE kind = 'configure' GROUP BY host"
    statement = f"SELECT {_RUN} FROM runs WHERE id IN ({newest})"  # noqa: S608 (our own)
    return {run.host: run for run in map(_run, connection.execute(statement))}


def read_events(connection: sqlite3.Connection, run: int, after: int, limit: int) -> list[Event]:
    """Those behind number ``after``, in their order."""
    statement = "SELECT run, seq, data FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?"
    return [Event(*row) for row in connection.execute(statement, (run, after, limit))]


def count_runs(connection: sqlite3.Connection) -> dict[RunStatus, int]:
    """Of those that are kept, but for checks."""
    rows = connection.execute("SELECT status, count(*) FROM runs WHERE kind = 'configure' GROUP BY status")
    return {RunStatus(status): int(number) for status, number in rows}


def _host(row: tuple[Any, ...]) -> Host:
    facts = dict(zip(_HOST.split(", "), row, strict=True))
    facts |= {name: tuple(json.loads(facts[name])) for name in ("host_keys", "held_keys")}
    return Host(**{**facts, "state": HostState(facts["state"])})


def _run(row: tuple[Any, ...]) -> Run:
    facts = dict(zip(_RUN.split(", "), row, strict=True))
    return Run(**{**facts, "status": RunStatus(facts["status"]), "kind": RunKind(facts["kind"])})

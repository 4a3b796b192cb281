"""Checks and renewals in the tables: planned, claimed, ended. Every function is one write or read of a transaction.

They are no turn of the host's: what the host should be, what was tried and what was applied is none of its
business, and no column of theirs is written here. What keeps a host from two runs at once is that each is claimed
only where none goes on.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from homeprod.control.hosts.condition import Condition, Finding, learn, read_tasks, write_tasks
from homeprod.control.hosts.errors import UnfitHostError, UnknownHostError
from homeprod.control.hosts.host import HELD, Accepted, Host, Run, RunKind, RunStatus
from homeprod.control.hosts.ring import queue_run
from homeprod.control.hosts.row import find_host, find_run
from homeprod.control.hosts.turn import Turn

BY = "upkeep"
"""Who rings where nobody did."""
_COLUMNS = (
    "host, due, checked, revision, drift, more, stubborn, proves, late, misses, problem, renewal_at, renewals,"
    " renewal_problem"
)
_MOMENTS = {RunKind.CHECK: "due", RunKind.RENEWAL: "renewal_at"}
_CONFIGURED = (
    "hosts.host_keys != '[]' AND hosts.held_keys = '[]'"
    " AND hosts.applied_revision != '' AND hosts.applied_instance = hosts.wanted_instance"
)
_WAITS = f"hosts.state = 'due' AND hosts.problem LIKE '{HELD}%'"
_FIT = (
    " FROM conditions JOIN hosts ON hosts.name = conditions.host"  # noqa: S608 (our own)
    f" WHERE (hosts.state IN ('idle', 'failed') OR {_WAITS}) AND {_CONFIGURED}"
    " AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.host = hosts.name AND (runs.status = 'running'"
    f" OR runs.status = 'queued' AND NOT ({_WAITS})))"
)
"""Hosts that can be asked: of one that was never configured as it is now, everything differs. One whose run waits at
the gate may wait for long, and is looked after meanwhile."""


def plan_checks(connection: sqlite3.Connection, due: Mapping[str, float]) -> None:
    """Each of these hosts is asked then, or earlier where it is due earlier. One that is late has its own time."""
    connection.executemany(
        "INSERT INTO conditions (host, due) VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET due ="
        " CASE WHEN conditions.due IS NULL OR (conditions.late IS NULL AND conditions.due > excluded.due)"
        " THEN excluded.due ELSE conditions.due END",
        sorted(due.items()),
    )


def ask_now(connection: sqlite3.Connection, host: str, now: float) -> None:
    """A person wants to know: also of one that is late, and after a check that goes on, which may have looked before.
    Raises UnknownHostError, and UnfitHostError where the host is to be configured first."""
    if find_host(connection, host) is None:
        raise UnknownHostError(host)
    row = connection.execute(f"SELECT 1 FROM hosts WHERE name = ? AND {_CONFIGURED}", (host,)).fetchone()  # noqa: S608
    if row is None:
        raise UnfitHostError(host)
    connection.execute(
        "INSERT INTO conditions (host, due) VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET due = excluded.due",
        (host, now),
    )


def forget_conditions(connection: sqlite3.Connection, kept: Collection[str]) -> None:
    """Of hosts that nobody looks at any more."""
    known = [host for (host,) in connection.execute("SELECT host FROM conditions")]
    connection.executemany("DELETE FROM conditions WHERE host = ?", [(host,) for host in known if host not in kept])


def claim_aside(connection: sqlite3.Connection, kind: RunKind, owner: str, now: float) -> Turn | None:
    """The check or the renewal that has waited longest of those that are due, as a run that has begun; None where
    there is none."""
    moment = _MOMENTS[kind]
    row = connection.execute(
        f"SELECT hosts.name {_FIT} AND conditions.{moment} <= ? ORDER BY conditions.{moment}, hosts.name LIMIT 1",
        (now,),
    ).fetchone()
    if row is None:
        return None
    cursor = connection.execute(
        "INSERT INTO runs (host, environment, status, kind, instance, rung_by, attempt, created, started, owner)"
        " SELECT name, environment, 'running', ?, applied_instance, ?, 1, ?, ?, ? FROM hosts WHERE name = ?",
        (kind, BY, now, now, owner, row[0]),
    )
    connection.execute(f"UPDATE conditions SET {moment} = NULL WHERE host = ?", (row[0],))  # noqa: S608 (our own)
    run, host = find_run(connection, cursor.lastrowid or 0), find_host(connection, row[0])
    return Turn(run, host) if run and host else None


def find_next_aside(connection: sqlite3.Connection) -> float | None:
    """When the next host is asked or its certificates are renewed, None where none is."""
    columns = ", ".join(f"min(conditions.{moment})" for moment in _MOMENTS.values())
    known = [one for one in connection.execute(f"SELECT {columns} {_FIT}").fetchone() if one is not None]
    return float(min(known)) if known else None


def end_check(
    connection: sqlite3.Connection,
    number: int,
    owner: str,
    found: Finding,
    pause: Callable[[Condition], float | None],
    now: float,
) -> bool:
    """Whether it was ours to end, and still open. ``pause`` gives the seconds until the host is asked again, None
    where the next cycle does so."""
    run = _end_run(connection, number, owner, found, now)
    if run is None:
        return False
    if (known := find_condition(connection, run.host)) is not None:
        condition = learn(known, found, run.revision, now)
        seconds = pause(condition)
        _write(connection, condition, None if seconds is None else now + seconds)
    return True


def end_renewal(
    connection: sqlite3.Connection, number: int, owner: str, found: Finding, again: float, now: float
) -> bool:
    """Whether it was ours to end, and still open. A check shows at once what it brought; one that was cut off is
    begun anew in ``again`` seconds."""
    run = _end_run(connection, number, owner, found, now)
    if run is None:
        return False
    if (known := find_condition(connection, run.host)) is None:
        return True
    if found.status is RunStatus.CANCELED and not run.canceled_by:
        _write(connection, replace(known, renewal_at=now + again), None)
        return True
    if found.status is RunStatus.LATE:
        tried = learn(known, found, run.revision, now)
    else:
        tried = replace(known, renewals=known.renewals + 1, renewal_problem=found.problem)
    _write(connection, tried, now)
    return True


def _end_run(connection: sqlite3.Connection, number: int, owner: str, found: Finding, now: float) -> Run | None:
    """None where it was not ours to end, or is over."""
    run = find_run(connection, number)
    if run is None or run.status is not RunStatus.RUNNING or run.owner != owner:
        return None
    problem = found.problem
    if found.status is RunStatus.CANCELED and run.canceled_by:
        problem = f"canceled by {run.canceled_by}"
    connection.execute(
        "UPDATE runs SET status = ?, problem = ?, ended = ? WHERE id = ?", (found.status, problem, now, number)
    )
    return run


def _write(connection: sqlite3.Connection, condition: Condition, due: float | None) -> None:
    """What was planned meanwhile stays planned, where it is earlier."""
    connection.execute(
        "UPDATE conditions SET checked = ?, revision = ?, drift = ?, more = ?, stubborn = ?, proves = ?, late = ?,"
        " misses = ?, problem = ?, renewal_at = ?, renewals = ?, renewal_problem = ? WHERE host = ?",
        (
            condition.checked,
            condition.revision,
            write_tasks(condition.drift),
            condition.more,
            json.dumps(sorted(condition.stubborn)),
            int(condition.proves),
            condition.late,
            condition.misses,
            condition.problem,
            condition.renewal_at,
            condition.renewals,
            condition.renewal_problem,
            condition.host,
        ),
    )
    if due is not None:
        connection.execute(
            "UPDATE conditions SET due = ? WHERE host = ? AND (due IS NULL OR due > ?)", (due, condition.host, due)
        )


def cut_asides(connection: sqlite3.Connection, owner: str, now: float, furthest: float) -> int:
    """End what a daemon that is gone left of checks and renewals, and have those hosts seen to anew; how many.
    No check waits longer than until ``furthest``."""
    rows = connection.execute(
        "SELECT id, host, kind FROM runs WHERE status = 'running' AND kind != 'configure' AND owner != ?", (owner,)
    ).fetchall()
    for number, host, kind in rows:
        problem = "cut off; the host is asked again" if kind == RunKind.CHECK else "cut off; it is tried again"
        connection.execute(
            "UPDATE runs SET status = 'canceled', problem = ?, ended = ? WHERE id = ?", (problem, now, number)
        )
        moment = _MOMENTS[RunKind(kind)]
        connection.execute(f"UPDATE conditions SET {moment} = ? WHERE host = ?", (now, host))  # noqa: S608 (our own)
    connection.execute("UPDATE conditions SET due = ? WHERE due > ?", (furthest, furthest))
    return len(rows)


def list_in_the_way(connection: sqlite3.Connection, now: float) -> list[int]:
    """Checks that go on at a host which is to be configured."""
    rows = connection.execute(
        "SELECT runs.id FROM runs JOIN hosts ON hosts.name = runs.host WHERE runs.kind = 'check'"
        " AND runs.status = 'running' AND hosts.state = 'due' AND hosts.due <= ? ORDER BY runs.id",
        (now,),
    )
    return [int(number) for (number,) in rows]


def converge(
    connection: sqlite3.Connection, name: str, may: Callable[[Host, Condition | None], bool], now: float
) -> Accepted | None:
    """A run for the host, where it may have one as it is now."""
    host = find_host(connection, name)
    if host is None or not may(host, find_condition(connection, name)):
        return None
    return queue_run(connection, name, BY, now)


def note_success(connection: sqlite3.Connection, run: Run, now: float) -> None:
    """Where something differed, or nobody but us wanted the run, a check shows at once what it brought."""
    is_ours = int(BY in run.rung_by.split(", "))
    connection.execute(
        "UPDATE conditions SET due = ?, proves = 1 WHERE host = ? AND (drift != '[]' OR ?)", (now, run.host, is_ours)
    )


def note_off(connection: sqlite3.Connection, run: Run, now: float, problem: str) -> None:
    """A run gave up since the host did not answer: it is late, and the next cycle sees whether it is there again."""
    connection.execute(
        "UPDATE conditions SET late = coalesce(late, ?), due = NULL, misses = misses + 1, problem = ? WHERE host = ?",
        (now, problem, run.host),
    )


def find_condition(connection: sqlite3.Connection, host: str) -> Condition | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM conditions WHERE host = ?", (host,)).fetchone()  # noqa: S608
    return None if row is None else _condition(row)


def read_conditions(connection: sqlite3.Connection) -> dict[str, Condition]:
    """By host."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM conditions ORDER BY host")  # noqa: S608 (our own)
    return {row[0]: _condition(row) for row in rows}


def _condition(row: tuple[Any, ...]) -> Condition:
    facts = dict(zip(_COLUMNS.split(", "), row, strict=True))
    stubborn, proves = frozenset(json.loads(facts["stubborn"])), bool(facts["proves"])
    return Condition(**{**facts, "drift": read_tasks(facts["drift"]), "stubborn": stubborn, "proves": proves})

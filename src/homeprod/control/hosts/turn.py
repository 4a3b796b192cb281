"""A run's turn: claimed, begun, ended, put back. Every function is one write, to be called in a transaction.

Whatever ends a run is fenced by its owner: a daemon that was thought dead cannot end what another one has begun.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from homeprod.control.hosts.host import Accepted, Host, Run, RunKind, RunStatus
from homeprod.control.hosts.ring import insert_run, queue_run
from homeprod.control.hosts.row import find_host, find_run

_NEXT = (  # a host where a check goes on is not due until that has ended, here and below
    "SELECT runs.id, runs.host FROM runs JOIN hosts ON hosts.name = runs.host"
    " WHERE runs.status = 'queued' AND hosts.state = 'due' AND hosts.due <= ?"
    " AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.host = hosts.name AND runs.status = 'running')"
    " ORDER BY hosts.due, runs.id LIMIT 1"
)
_FAILURES = (
    "SELECT problem FROM runs WHERE host = ? AND kind = 'configure' AND status = 'failed' AND id > coalesce("
    "(SELECT max(id) FROM runs WHERE host = ? AND kind = 'configure' AND status = 'successful'), 0) ORDER BY id"
)
_NEXT_DUE = (
    "SELECT min(due) FROM hosts WHERE state = 'due'"
    " AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.host = hosts.name AND runs.status = 'running')"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A run that is ours to do, and its host. ``failures`` say why runs of it failed that have set something, since
    one was successful last."""

    run: Run
    host: Host
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """``retry_at`` is when a failed one is tried again; None: a person has to say so. ``is_off`` where the host did
    not answer."""

    status: RunStatus
    problem: str = ""
    retry_at: float | None = None
    is_off: bool = False


def claim(connection: sqlite3.Connection, owner: str, now: float) -> Turn | None:
    """The run that has waited longest of those that are due, None where there is none."""
    row = connection.execute(_NEXT, (now,)).fetchone()
    if row is None:
        return None
    connection.execute(
        "UPDATE hosts SET state = 'running', owner = ?, due = NULL, attempt = attempt + 1,"
        " attempted_instance = wanted_instance WHERE name = ?",
        (owner, row[1]),
    )
    connection.execute(
        "UPDATE runs SET status = 'running', started = ?, owner = ?, (instance, attempt) ="
        " (SELECT wanted_instance, attempt FROM hosts WHERE name = runs.host) WHERE id = ?",
        (now, owner, row[0]),
    )
    run, host = find_run(connection, row[0]), find_host(connection, row[1])
    failures = tuple(str(one[0]) for one in connection.execute(_FAILURES, (row[1], row[1])))
    return Turn(run, host, failures) if run and host else None


def begin(connection: sqlite3.Connection, run: Run, revision: str, vault: str = "", digest: str = "") -> None:
    """Which revision the run goes to, with which of the vault; from now on it is the host's wanted one, where it is
    to be configured. ``digest`` is that of all inputs, empty where nobody asks for it."""
    connection.execute(
        "UPDATE runs SET revision = ?, vault = ?, digest = ? WHERE id = ? AND owner = ?",
        (revision, vault, digest, run.id, run.owner),
    )
    if run.kind is not RunKind.CONFIGURE:
        return
    connection.execute(
        "UPDATE hosts SET wanted_revision = ?, attempted_revision = ? WHERE name = ? AND owner = ?",
        (revision, revision, run.host, run.owner),
    )


def end(connection: sqlite3.Connection, number: int, owner: str, outcome: Outcome, now: float) -> bool:
    """Whether it was ours to end, and still open."""
    run = find_run(connection, number)
    if run is None or run.status is not RunStatus.RUNNING or run.owner != owner:
        return False
    problem = outcome.problem
    if outcome.status is RunStatus.CANCELED and not problem:
        problem = f"canceled by {run.canceled_by}" if run.canceled_by else "canceled"
    connection.execute(
        "UPDATE runs SET status = ?, problem = ?, ended = ? WHERE id = ?", (outcome.status, problem, now, number)
    )
    if outcome.status is RunStatus.SUCCESSFUL:
        _apply(connection, run)
    connection.execute("UPDATE hosts SET owner = '', problem = ? WHERE name = ?", (problem, run.host))
    _go_on(connection, run, outcome, now)
    return True


def _apply(connection: sqlite3.Connection, run: Run) -> None:
    connection.execute(
        "UPDATE hosts SET applied_revision = ?, applied_instance = ?, applied_vault = ?, applied_digest = ?,"
        " attempt = 0 WHERE name = ?",
        (run.revision, run.instance, run.vault, run.digest, run.host),
    )


def _go_on(connection: sqlite3.Connection, run: Run, outcome: Outcome, now: float) -> None:
    """What the host is after a run: due again where a ring came meanwhile, something newer is wanted, or it failed
    and may be tried again."""
    host = find_host(connection, run.host)
    assert host is not None  # noqa: S101 (a running one is never forgotten)
    if _has_queued(connection, run.host):
        _set_state(connection, run.host, "due", now)
    elif outcome.status is RunStatus.SUCCESSFUL:
        _set_state(connection, run.host, "idle", None)
        if _is_behind(host):
            queue_run(connection, run.host, run.rung_by, now)
    elif outcome.retry_at is not None:
        insert_run(connection, run.host, run.rung_by, now)
        _set_state(connection, run.host, "due", outcome.retry_at)
    else:
        _set_state(connection, run.host, "failed", None)


def _is_behind(host: Host) -> bool:
    return host.wanted_revision != host.applied_revision or host.wanted_instance != host.applied_instance


def put_back(connection: sqlite3.Connection, run: Run, due: float, problem: str, now: float) -> None:
    """It did not really begin, or nobody knows how it ended: queued again, and not counted. Where the same host was
    rung for meanwhile, that ring's run takes its place; where a person canceled it, that stays so."""
    if run.canceled_by or _has_queued(connection, run.host):
        reason = "" if run.canceled_by else "cut off; a later ring's run took its place"
        end(connection, run.id, run.owner, Outcome(RunStatus.CANCELED, reason), now)
        return
    connection.execute(
        "UPDATE runs SET status = 'queued', started = NULL, owner = ''"
        " WHERE id = ? AND status = 'running' AND owner = ?",
        (run.id, run.owner),
    )
    connection.execute(
        "UPDATE hosts SET state = 'due', due = ?, owner = '', problem = ?,"
        " attempt = CASE WHEN attempt > 0 THEN attempt - 1 ELSE 0 END"
        " WHERE name = ? AND owner = ?",
        (due, problem, run.host, run.owner),
    )


def recover(connection: sqlite3.Connection, owner: str, now: float, furthest: float) -> int:
    """Put back what a daemon that is gone left running; how many. Nothing waits longer than until ``furthest``: the
    clock may have been set back since ``due`` was written."""
    rows = connection.execute(
        "SELECT id FROM runs WHERE status = 'running' AND kind = 'configure' AND owner != ?", (owner,)
    ).fetchall()
    for (number,) in rows:
        if run := find_run(connection, number):
            put_back(connection, run, now, "", now)
    connection.execute("UPDATE hosts SET due = ? WHERE due > ?", (furthest, furthest))
    return len(rows)


def want_current(connection: sqlite3.Connection, by: str, now: float) -> int:
    """Every pinned host that is not what it should be, or that was asked for, becomes due; how many. One whose key is
    held waits on, and one whose last run somebody canceled stays as they left it until it is rung for."""
    names = connection.execute(
        "SELECT name FROM hosts WHERE host_keys != '[]' AND held_keys = '[]' AND state != 'running'"
        " AND wanted_instance != '' AND (asked_by != '' OR wanted_instance != applied_instance AND NOT EXISTS"
        " (SELECT 1 FROM runs WHERE status = 'canceled' AND id ="
        " (SELECT max(id) FROM runs WHERE host = hosts.name AND kind = 'configure'))) ORDER BY name"
    ).fetchall()
    for (name,) in names:
        queue_run(connection, name, by, now)
    return len(names)


def want_revision(connection: sqlite3.Connection, host: str, revision: str, by: str, now: float) -> Accepted | None:
    """The host should be at ``revision``; a run where it neither is nor goes there."""
    connection.execute("UPDATE hosts SET wanted_revision = ? WHERE name = ?", (revision, host))
    known = find_host(connection, host)
    if known is None or known.state == "running" or known.applied_revision == revision:
        return None  # a running one is compared when it ends
    return queue_run(connection, host, by, now)


def cancel(connection: sqlite3.Connection, number: int, by: str, now: float) -> Run | None:
    """The run as it was; a queued one is canceled now, a running one only marked, for whoever runs it."""
    run = find_run(connection, number)
    if run is None or run.status.is_final:
        return run
    connection.execute("UPDATE runs SET canceled_by = ? WHERE id = ?", (by, number))
    if run.status is RunStatus.QUEUED:
        problem = f"canceled by {by}"
        connection.execute(
            "UPDATE runs SET status = 'canceled', ended = ?, problem = ? WHERE id = ?", (now, problem, number)
        )
        connection.execute(
            "UPDATE hosts SET state = 'failed', due = NULL, problem = ? WHERE name = ? AND state != 'running'",
            (problem, run.host),
        )
    return run


def find_next_due(connection: sqlite3.Connection) -> float | None:
    """When the next host is due, None where none is. One where a check goes on is not, until that has ended."""
    row = connection.execute(_NEXT_DUE).fetchone()
    return None if row[0] is None else float(row[0])


def _has_queued(connection: sqlite3.Connection, host: str) -> bool:
    row = connection.execute("SELECT 1 FROM runs WHERE host = ? AND status = 'queued'", (host,)).fetchone()
    return row is not None


def _set_state(connection: sqlite3.Connection, host: str, state: str, due: float | None) -> None:
    connection.execute("UPDATE hosts SET state = ?, due = ? WHERE name = ?", (state, due, host))

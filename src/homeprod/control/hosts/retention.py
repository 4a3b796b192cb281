"""What is forgotten. Every function is one write, to be called in a transaction."""

from __future__ import annotations

import sqlite3

from homeprod.control.hosts.errors import RunningHostError, UnknownHostError
from homeprod.control.hosts.host import Host, HostState
from homeprod.control.hosts.row import find_host

RING_SECONDS = 86_400
"""How long an id of a ring is known: far longer than the few minutes in which the doorbell takes it at all."""


def forget(connection: sqlite3.Connection, kept_runs: int, now: float) -> int:
    """Ended runs beyond the newest ``kept_runs`` of their kind, with their events, and ids that no doorbell would
    take any more; how many runs. A host's last run of each kind stays."""
    gone = connection.execute(
        "SELECT id FROM runs WHERE status NOT IN ('queued', 'running')"
        " AND id NOT IN (SELECT max(id) FROM runs GROUP BY host, kind)"
        " AND id NOT IN (SELECT id FROM runs WHERE kind = 'configure' ORDER BY id DESC LIMIT ?)"
        " AND id NOT IN (SELECT id FROM runs WHERE kind = 'check' ORDER BY id DESC LIMIT ?)"
        " AND id NOT IN (SELECT id FROM runs WHERE kind = 'renewal' ORDER BY id DESC LIMIT ?)",
        (kept_runs, kept_runs, kept_runs),
    ).fetchall()
    connection.executemany("DELETE FROM events WHERE run = ?", gone)
    connection.executemany("DELETE FROM runs WHERE id = ?", gone)
    connection.execute("DELETE FROM rings WHERE received < ?", (now - RING_SECONDS,))
    return len(gone)


def forget_host(connection: sqlite3.Connection, name: str, by: str, now: float) -> Host:
    """The host as it was: its keys, its revisions and what it should be are gone, its runs are kept as all are, and
    one that was queued is canceled. Raises UnknownHostError, RunningHostError."""
    host = find_host(connection, name)
    if host is None:
        raise UnknownHostError(name)
    if host.state is HostState.RUNNING:
        raise RunningHostError(name)
    connection.execute(
        "UPDATE runs SET status = 'canceled', ended = ?, canceled_by = ?, problem = ?"
        " WHERE host = ? AND status = 'queued'",
        (now, by, f"the host was forgotten by {by}", name),
    )
    connection.execute("DELETE FROM hosts WHERE name = ?", (name,))
    connection.execute("DELETE FROM conditions WHERE host = ?", (name,))
    connection.execute("DELETE FROM apps WHERE host = ?", (name,))
    return host


def add_events(connection: sqlite3.Connection, run: int, owner: str, messages: list[str]) -> int:
    """Behind those that the run has; the number of the last. Nothing where the run is not ``owner``'s any more."""
    row = connection.execute(
        "SELECT coalesce((SELECT max(seq) FROM events WHERE run = ?), 0) FROM runs"
        " WHERE id = ? AND owner = ? AND status = 'running'",
        (run, run, owner),
    ).fetchone()
    if row is None:
        return 0
    first = int(row[0]) + 1
    rows = [(run, number, data) for number, data in enumerate(messages, first)]
    connection.executemany("INSERT INTO events (run, seq, data) VALUES (?, ?, ?)", rows)
    return first + len(rows) - 1

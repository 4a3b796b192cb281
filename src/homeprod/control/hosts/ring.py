"""What a ring does to the tables. Every function is one write, to be called in a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from homeprod.control.hosts.errors import ConflictingIdError, NothingHeldError, UnknownHostError
from homeprod.control.hosts.host import Accepted, Ring

_MOST_RINGERS = 200
"""Characters of the names of those who rang for one run."""


@dataclass(frozen=True, slots=True)
class Held:
    """The ring's key is not the pinned one: kept for a person to say so; no run."""

    host: str


def accept(connection: sqlite3.Connection, ring: Ring, now: float, may_rekey: bool) -> Accepted | Held:
    """Raises ConflictingIdError."""
    known = connection.execute("SELECT digest, run FROM rings WHERE id = ?", (ring.id,)).fetchone()
    if known is not None and known[0] != ring.digest_of_body:
        raise ConflictingIdError(ring.id)
    if known is not None and known[1] is not None:
        return Accepted(int(known[1]), is_new=False)
    if is_held := not _pin(connection, ring, may_rekey):
        accepted = None
    else:
        accepted = queue_run(connection, ring.host, ring.rung_by, now)
    connection.execute(
        "INSERT INTO rings (id, digest, host, run, received) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET run = excluded.run",
        (ring.id, ring.digest_of_body, ring.host, accepted.run_id if accepted else None, now),
    )
    return Held(ring.host) if is_held or accepted is None else accepted


def note_wanted(connection: sqlite3.Connection, ring: Ring) -> None:
    """What the host should become, its key where it has none, and that somebody asked; no run, and the id stays
    unused."""
    _pin(connection, ring, may_rekey=False)
    connection.execute("UPDATE hosts SET asked_by = ? WHERE name = ?", (ring.rung_by, ring.host))


def _pin(connection: sqlite3.Connection, ring: Ring, may_rekey: bool) -> bool:
    """Whether the pinned keys are the host's, as far as anybody knows. A ring that names none says nothing of those
    that are held."""
    row = connection.execute(
        "SELECT host_keys, held_keys, held_by FROM hosts WHERE name = ?", (ring.host,)
    ).fetchone()
    pinned, held, held_by = (json.loads(row[0]), json.loads(row[1]), row[2]) if row else ([], [], "")
    rung = sorted(set(ring.host_keys)) or held
    is_pinned = may_rekey or not pinned or not rung or rung == pinned
    keys = (rung or pinned) if is_pinned else pinned
    if is_pinned:
        held, held_by = [], ""
    elif rung != held:
        held, held_by = rung, ring.rung_by
    connection.execute(
        "INSERT INTO hosts (name, environment, wanted_instance, host_keys, held_keys, held_by)"
        " VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET environment = excluded.environment, host_keys = excluded.host_keys,"
        " wanted_instance = excluded.wanted_instance, held_keys = excluded.held_keys, held_by = excluded.held_by",
        (ring.host, ring.environment, ring.instance, json.dumps(keys), json.dumps(held), held_by),
    )
    return is_pinned


def queue_run(connection: sqlite3.Connection, host: str, by: str, now: float) -> Accepted:
    """A run as soon as there is room, for what the host should be now: the one that is queued already, or a new one.
    The host's attempts begin again."""
    found = connection.execute(
        "SELECT id, rung_by FROM runs WHERE host = ? AND status = 'queued'", (host,)
    ).fetchone()
    if found is None:
        number = insert_run(connection, host, by, now)
    else:
        number = int(found[0])
        _join(connection, number, _add(found[1], by))
    connection.execute(
        "UPDATE hosts SET due = ?, attempt = 0, problem = '', asked_by = '',"
        " state = CASE state WHEN 'running' THEN 'running' ELSE 'due' END WHERE name = ?",
        (now, host),
    )
    return Accepted(number, is_new=found is None)


def insert_run(connection: sqlite3.Connection, host: str, by: str, now: float) -> int:
    """A queued one; its number."""
    cursor = connection.execute(
        "INSERT INTO runs (host, environment, status, instance, rung_by, created)"
        " SELECT name, environment, 'queued', wanted_instance, ?, ? FROM hosts WHERE name = ?",
        (by, now, host),
    )
    if cursor.rowcount != 1 or cursor.lastrowid is None:
        raise UnknownHostError(host)
    return cursor.lastrowid


def use_id(connection: sqlite3.Connection, call: str, digest: str, now: float) -> None:
    """Raises ConflictingIdError where a call or a ring had it."""
    cursor = connection.execute(
        "INSERT INTO rings (id, digest, host, run, received) VALUES (?, ?, '', NULL, ?) ON CONFLICT (id) DO NOTHING",
        (call, digest, now),
    )
    if cursor.rowcount != 1:
        raise ConflictingIdError(call)


def trust(connection: sqlite3.Connection, host: str, by: str, keys: tuple[str, ...], now: float) -> Accepted:
    """The held keys are the host's from now on, where they are ``keys``: those that a person has looked at. Raises
    NothingHeldError, UnknownHostError."""
    row = connection.execute("SELECT held_keys FROM hosts WHERE name = ?", (host,)).fetchone()
    if row is None:
        raise UnknownHostError(host)
    held: list[str] = json.loads(row[0])
    if not held or sorted(keys) != held:
        raise NothingHeldError(host)
    connection.execute(
        "UPDATE hosts SET host_keys = held_keys, held_keys = '[]', held_by = '' WHERE name = ?", (host,)
    )
    return queue_run(connection, host, by, now)


def _join(connection: sqlite3.Connection, run: int, rung_by: str) -> None:
    connection.execute(
        "UPDATE runs SET rung_by = ?, attempt = 0,"
        " instance = (SELECT wanted_instance FROM hosts WHERE name = runs.host) WHERE id = ?",
        (rung_by, run),
    )


def _add(names: str, name: str) -> str:
    if name in names.split(", ") or len(names) + len(name) > _MOST_RINGERS:
        return names
    return f"{names}, {name}" if names else name


def place_hosts(connection: sqlite3.Connection, environments: Mapping[str, str]) -> None:
    """Correct the environment of hosts, and of their runs that wait."""
    rows = [(environment, name, environment) for name, environment in sorted(environments.items())]
    connection.executemany("UPDATE hosts SET environment = ? WHERE name = ? AND environment != ?", rows)
    connection.executemany(
        "UPDATE runs SET environment = ? WHERE host = ? AND environment != ? AND status = 'queued'", rows
    )

"""The tables, and how an older database becomes a newer one.

Statements are kept to what SQLite and PostgreSQL share (but for the pragmas, which stay in this file), so that the
seam could get another database below it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from homeprod.control.hosts.errors import StorageError
from homeprod.core.errors import ControlError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE hosts (
            name TEXT PRIMARY KEY, environment TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'idle',
            wanted_revision TEXT NOT NULL DEFAULT '', wanted_instance TEXT NOT NULL DEFAULT '',
            attempted_revision TEXT NOT NULL DEFAULT '', attempted_instance TEXT NOT NULL DEFAULT '',
            applied_revision TEXT NOT NULL DEFAULT '', applied_instance TEXT NOT NULL DEFAULT '',
            due DOUBLE PRECISION, attempt INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',
            host_keys TEXT NOT NULL DEFAULT '[]', held_keys TEXT NOT NULL DEFAULT '[]',
            held_by TEXT NOT NULL DEFAULT '', problem TEXT NOT NULL DEFAULT '')""",
        """CREATE TABLE rings (
            id TEXT PRIMARY KEY, digest TEXT NOT NULL, host TEXT NOT NULL, run INTEGER, received DOUBLE PRECISION)""",
        "CREATE INDEX rings_received ON rings (received)",
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, environment TEXT NOT NULL, status TEXT NOT NULL,
            revision TEXT NOT NULL DEFAULT '', instance TEXT NOT NULL DEFAULT '', rung_by TEXT NOT NULL DEFAULT '',
            attempt INTEGER NOT NULL DEFAULT 0, created DOUBLE PRECISION NOT NULL, started DOUBLE PRECISION,
            ended DOUBLE PRECISION, owner TEXT NOT NULL DEFAULT '', canceled_by TEXT NOT NULL DEFAULT '',
            problem TEXT NOT NULL DEFAULT '')""",
        # The database itself keeps the promise that everything else is built on: one queued and one running a host.
        "CREATE UNIQUE INDEX runs_open ON runs (host, status) WHERE status IN ('queued', 'running')",
        "CREATE INDEX runs_host ON runs (host, id)",
        """CREATE TABLE events (
            run INTEGER NOT NULL, seq INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (run, seq))""",
    ),
    # Who rang while the node was Locked, since when nothing was queued for the host.
    ("ALTER TABLE hosts ADD COLUMN asked_by TEXT NOT NULL DEFAULT ''",),
    # Checks, what they found of a host, and when its certificates are renewed.
    (
        "ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'configure'",
        """CREATE TABLE conditions (
            host TEXT PRIMARY KEY, due DOUBLE PRECISION, checked DOUBLE PRECISION, revision TEXT NOT NULL DEFAULT '',
            drift TEXT NOT NULL DEFAULT '[]', more INTEGER NOT NULL DEFAULT 0, stubborn TEXT NOT NULL DEFAULT '[]',
            proves INTEGER NOT NULL DEFAULT 0, late DOUBLE PRECISION, misses INTEGER NOT NULL DEFAULT 0,
            problem TEXT NOT NULL DEFAULT '', renewal_at DOUBLE PRECISION, renewals INTEGER NOT NULL DEFAULT 0,
            renewal_problem TEXT NOT NULL DEFAULT '')""",
        # What app hosts said of their apps, as one JSON text.
        "CREATE TABLE apps (host TEXT PRIMARY KEY, told TEXT NOT NULL)",
    ),
    # Of a run, besides the playbooks' revision, the vault's and the digest of all its inputs; and what was admitted
    # at the gate of an environment, which hosts follow it, and the records that were heard.
    (
        "ALTER TABLE runs ADD COLUMN vault TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD COLUMN digest TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE hosts ADD COLUMN applied_vault TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE hosts ADD COLUMN applied_digest TEXT NOT NULL DEFAULT ''",
        """CREATE TABLE admissions (
            environment TEXT PRIMARY KEY, revision TEXT NOT NULL, vault TEXT NOT NULL, digests TEXT NOT NULL,
            at DOUBLE PRECISION NOT NULL)""",
        """CREATE TABLE stages (
            environment TEXT NOT NULL, place INTEGER NOT NULL, host TEXT NOT NULL, digest TEXT NOT NULL,
            former_revision TEXT NOT NULL, former_vault TEXT NOT NULL, is_canary INTEGER NOT NULL,
            state TEXT NOT NULL, run INTEGER NOT NULL DEFAULT 0, ailing TEXT NOT NULL DEFAULT '[]',
            problem TEXT NOT NULL DEFAULT '', PRIMARY KEY (environment, host))""",
        "CREATE TABLE records (line TEXT PRIMARY KEY, revision TEXT NOT NULL)",
    ),
)
"""One tuple of statements a version; a version that was released is never edited."""


def refuse_newer(file: Path) -> None:
    """Raises ControlError for a database of a later homeprod, of which not a byte is changed: it is only read. Raises
    StorageError where it cannot be."""
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            version = _read_version(connection)
    except sqlite3.Error as error:
        raise StorageError(str(error), str(file)) from error
    if version > len(MIGRATIONS):
        raise ControlError(
            f"the ledger was written by a later homeprod (format {version}, this one knows {len(MIGRATIONS)})",
            where=str(file),
            hint="go back to the version that wrote it, or a later one, and leave the file as it is\n"
            "    homeprod control upgrade",
        )


def connect(file: Path) -> sqlite3.Connection:
    """A connection that commits durably: what was committed outlives a power cut. Raises StorageError where the
    file cannot be opened."""
    try:
        # The pages are cached in the process; 2 MiB are plenty for a site and keep the daemon small.
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -2048")
        # 16 MB of log before it is worked in, which holds up whoever writes then: seldom, and most pages only once.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
    except sqlite3.Error as error:
        raise StorageError(str(error), str(file)) from error
    return connection


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Bring the tables to the newest version, all steps as one: whatever breaks, it is of the old version or of the
    new. Raises StorageError where it cannot be written."""
    try:
        version = _read_version(connection)
        if version < len(MIGRATIONS):
            _climb(connection, version)
    except sqlite3.Error as error:
        raise StorageError(str(error), where) from error


def _read_version(connection: sqlite3.Connection) -> int:
    """0 for a new one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _climb(connection: sqlite3.Connection, version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

"""What hosts said of their apps, in its table. Every function is one write or read of a transaction."""

from __future__ import annotations

import contextlib
import sqlite3

from pydantic import ValidationError

from homeprod.control.hosts.host import Run, RunStatus
from homeprod.control.hosts.row import find_run
from homeprod.core.overview.apps import AppsLine


def keep_apps(connection: sqlite3.Connection, run: Run, apps: AppsLine | None) -> bool:
    """Whether the run was ours to tell of, and still open."""
    known = find_run(connection, run.id)
    if known is None or known.status is not RunStatus.RUNNING or known.owner != run.owner:
        return False
    if apps is None:
        connection.execute("DELETE FROM apps WHERE host = ?", (run.host,))
        return True
    connection.execute(
        "INSERT INTO apps (host, told) VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET told = excluded.told",
        (run.host, apps.model_dump_json()),
    )
    return True


def read_apps(connection: sqlite3.Connection) -> dict[str, AppsLine]:
    """By host. What another version wrote is known to nobody until the host is asked again."""
    known = {}
    for host, told in connection.execute("SELECT host, told FROM apps ORDER BY host"):
        with contextlib.suppress(ValidationError):
            known[host] = AppsLine.model_validate_json(told)
    return known

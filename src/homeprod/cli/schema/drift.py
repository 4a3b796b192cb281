"""What ``drift --json`` prints."""

from __future__ import annotations

from typing import Literal

from homeprod.cli.schema.report import Part, Report


class TaskEntry(Part):
    """A task of the playbook that would change something. ``target`` is what it is about (a file, user, package or
    unit), ``diff`` what would change, both empty where the task does not say. ``is_idempotent`` is false where a run
    has changed the same before, and it differs again. Times are seconds since 1970, here and below."""

    task: str
    role: str
    target: str
    diff: str
    since: float
    is_idempotent: bool


class HostEntry(Part):
    """``drift`` counts the tasks (of which ``tasks`` are the first 200), null where nobody has looked yet;
    ``checked`` is when somebody did, to the end, after ``checked_revision``. ``every`` (minutes), ``policy`` and
    ``window`` are null where the site has nobody look. ``late`` is since when the host was not reached, ``problem``
    why it could not be asked. ``next`` says what comes of it, empty where nothing has to; ``next_at`` when."""

    host: str
    environment: str
    every: int | None
    policy: Literal["report", "converge"] | None
    window: str | None
    applied: str
    checked: float | None
    checked_revision: str
    next_check: float | None
    drift: int | None
    drift_since: float | None
    tasks: list[TaskEntry]
    late: float | None
    problem: str
    next: str
    next_at: float | None


class DriftReport(Report):
    hosts: list[HostEntry]

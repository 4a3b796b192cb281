"""What ``affected --json`` prints."""

from __future__ import annotations

from homeprod.cli.schema.report import Part, Report


class HostEntry(Part):
    """A host whose run may do something else. ``before`` and ``after`` are digests of all that its run can read, null
    where the host is not in that revision. ``why`` are the inputs that differ; ``doubts`` are not empty where they
    alone are the reason: what could not be followed, with file and line."""

    host: str
    environment: str
    before: str | None
    after: str | None
    why: list[str]
    doubts: list[str]


class AffectedReport(Report):
    """``before`` and ``after`` are commits."""

    before: str
    after: str
    hosts: list[HostEntry]

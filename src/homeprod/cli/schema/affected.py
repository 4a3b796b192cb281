"""What ``affected --json`` prints."""

from __future__ import annotations

from homeprod.cli.schema.report import Part, Report


class HostEntry(Part):
    """A host whose run may do something else. ``before`` and ``after`` are digests of all that its run can read, null
    where the host is not in that revision. ``why`` are the inputs that differ, everything first where it is one of
    them; then ``doubts`` are what could not be followed, with file and line, so that everything counts, or did."""

    host: str
    environment: str
    before: str | None
    after: str | None
    why: list[str]
    doubts: list[str]


class AffectedReport(Report):
    """``before`` and ``after`` are commits; so is ``vault``, the head of the vault's clone, which counts for both
    sides. It is null where nobody says where that is: then secrets were not looked at, and digests are others than
    those of ``trials --json``."""

    before: str
    after: str
    vault: str | None
    hosts: list[HostEntry]

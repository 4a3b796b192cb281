"""What ``check --json`` prints for a site without a mistake; one with mistakes gives ``Errors``, as everywhere."""

from __future__ import annotations

from homeprod.cli.schema.report import Part, Report


class NoteEntry(Part):
    """What is worth knowing and no mistake: a value that is still the example's, an environment without a
    machine, a control node that configures nothing, a file in ``keys/`` that nothing reads, a route that leads to no
    service."""

    file: str
    line: int
    message: str
    hint: str


class CheckReport(Report):
    """``machines`` is how many the site declares."""

    machines: int
    notes: list[NoteEntry]

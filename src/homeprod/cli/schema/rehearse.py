"""What ``rehearse --json`` prints."""

from __future__ import annotations

from typing import Literal

from homeprod.cli.schema.report import Part, Report


class RehearsedEntry(Part):
    """A machine that a stand-in was built for. ``digest`` is that of its inputs at the revision, ``why`` is empty
    where it is green; ``notes`` say what is worth knowing and does not count."""

    host: str
    digest: str
    result: Literal["green", "red"]
    why: list[str]
    notes: list[str]


class SkippedEntry(Part):
    """A machine that the revision affects, and that no stand-in was built for."""

    host: str
    why: str


class RehearsalReport(Report):
    """``present`` is the commit that stand-ins began at, empty where the environment had no branch yet, ``revision``
    the one that was tried. ``unasked`` counts the expectations of the way in that stand-ins alone cannot meet.
    ``person`` signed the records. Where nothing is affected ``hosts`` is empty, and so is ``person``."""

    environment: str
    present: str
    revision: str
    hosts: list[RehearsedEntry]
    skipped: list[SkippedEntry]
    unasked: int
    seconds: int
    person: str

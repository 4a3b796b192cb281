"""What ``apply --json`` prints: an object a line, as things happen. The last one is ``summary`` or ``error``; a
stream without either was cut."""

from __future__ import annotations

from typing import Literal

from homeprod.cli.schema.plan import ChangeEntry, ConflictEntry, NoticeEntry, UnknownEntry
from homeprod.cli.schema.report import Errors, Report
from homeprod.plan.change import Action


class PlannedLine(Report):
    """First: what is to be done, as ``plan --json`` says it. ``time`` is UTC, ISO 8601, here and below."""

    event: Literal["planned"] = "planned"
    time: str
    changes: list[ChangeEntry]
    conflicts: list[ConflictEntry]
    notices: list[NoticeEntry]
    unknown: list[UnknownEntry]


class StepLine(Report):
    """Of one change. ``said`` is a line of a task, or ours; every change that ``begun`` names ends with ``done``,
    ``failed``, ``cut_off`` (somebody asked to stop) or ``unfinished`` (made, but its machine's end was not seen);
    one that was not begun is ``skipped``. ``text`` says why, or what."""

    event: Literal["begun", "said", "done", "failed", "skipped", "cut_off", "unfinished"]
    time: str
    address: str
    action: Action
    text: str


class FailedEntry(ChangeEntry):
    error: str
    hint: str


class SummaryLine(Report):
    """Last: what became of every change. ``left`` are cold starts that nobody agreed to; ``unfinished`` says why, by
    address. ``exit_code`` is the command's."""

    event: Literal["summary"] = "summary"
    time: str
    done: list[ChangeEntry]
    failed: list[FailedEntry]
    skipped: list[ChangeEntry]
    cut_off: list[ChangeEntry]
    left: list[ChangeEntry]
    unfinished: dict[str, str]
    exit_code: int


class ErrorLine(Errors):
    """Last, where nothing could be done at all: a broken site, a conflict, nobody who agreed."""

    event: Literal["error"] = "error"

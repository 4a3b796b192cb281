"""What ``apps lint --json`` and ``apps publish --json`` print."""

from __future__ import annotations

from typing import Literal

from homeprod.cli.schema.check import NoteEntry
from homeprod.cli.schema.report import Part, Report


class LintReport(Report):
    """Of ``lint``, for a repository without a mistake. ``asked_compose`` and ``asked_site`` say whether compose
    itself was asked, and whether the hosts were held against a site; neither is always at hand."""

    hosts: int
    apps: int
    notes: list[NoteEntry]
    asked_compose: bool
    asked_site: bool


class FileEntry(Part):
    """``path`` is relative to the branch's root."""

    path: str
    fate: Literal["new", "changed", "gone"]


class MoveEntry(Part):
    """One branch. ``app`` is ``_config`` for a host's configuration. ``was`` is null where the branch is new;
    ``commit`` where nothing was published (a dry run). Without ``files`` a branch that had vanished is put back."""

    branch: str
    host: str
    app: str
    was: str | None
    commit: str | None
    files: list[FileEntry]


class PublicationReport(Report):
    """Of ``publish``. ``source`` is the commit that is published; ``unchanged`` how many branches stay."""

    source: str
    subject: str
    moves: list[MoveEntry]
    unchanged: int

"""What ``history --json`` prints."""

from __future__ import annotations

from homeprod.cli.schema.report import Part, Report


class DeedEntry(Part):
    """One task of Proxmox on something of the site, whoever began it. Times are UTC, ISO 8601; ``end`` is null while
    it runs. ``who`` is a user, or ``USER@REALM!TOKEN``. ``what`` is in plain words, ``kind`` Proxmox's own. ``on`` is
    a machine's address, a VMID, a file or a storage. ``result`` is ``ok``, ``running``, or says what went wrong."""

    when: str
    end: str | None
    who: str
    what: str
    kind: str
    on: str | None
    node: str
    result: str
    upid: str


class MarkEntry(Part):
    """One machine that is there. ``commit`` is the site's at the last write (with a ``+`` where something was not
    committed), ``time`` when that was; both empty where an older homeprod wrote it, or the site is in no git."""

    address: str
    vmid: int
    commit: str
    time: str


class HistoryReport(Report):
    """``unread`` are nodes that are not online; ``hidden`` those whose log shows the token's own tasks alone."""

    deeds: list[DeedEntry]
    marks: list[MarkEntry]
    unread: list[str]
    hidden: list[str]

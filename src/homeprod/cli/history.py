"""``homeprod history``: what was done to the site's machines, when and by whom. Only reads."""

from __future__ import annotations

import argparse
from contextlib import closing
from datetime import UTC, datetime

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.cli.schema.history import DeedEntry, HistoryReport, MarkEntry
from homeprod.engine.history import History, read_history
from homeprod.plan.history import Deed
from homeprod.site.loader import find_root, load_site


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    with closing(connect(site, options)) as cluster, render.busy("reading Proxmox's task log"):
        history = read_history(cluster, site, name=options.name, errors=options.errors, limit=options.limit)
        report = describe_history(history, cluster.find_hidden_logs(history.nodes))
    if options.json:
        render.print_line(report.model_dump_json(indent=2))
    else:
        _show(report, options)
    return 0


def describe_history(history: History, hidden: tuple[str, ...]) -> HistoryReport:
    return HistoryReport(
        deeds=[_describe_deed(deed) for deed in history.deeds],
        marks=[
            MarkEntry(address=str(address), vmid=mark.vmid, commit=mark.commit, time=mark.time)
            for address, mark in sorted(history.marks.items())
        ],
        unread=list(history.unread),
        hidden=list(hidden),
    )


def _describe_deed(deed: Deed) -> DeedEntry:
    record = deed.record
    return DeedEntry(
        when=_write_time(record.start),
        end=_write_time(record.end) if record.end is not None else None,
        who=record.user,
        what=deed.words,
        kind=record.kind,
        on=deed.on,
        node=record.node,
        result=deed.result,
        upid=record.upid,
    )


def _write_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _show(report: HistoryReport, options: argparse.Namespace) -> None:
    if report.deeds:
        places = ("node",) if len({deed.node for deed in report.deeds}) > 1 else ()
        columns = ("when", "who", "what", "on", *places, "result")
        render.print_table(columns, [deed.model_dump() for deed in report.deeds])
    else:
        render.print_line(f"Proxmox's task log holds nothing {'that went wrong' if options.errors else 'of it'}")
    if report.marks:
        render.print_line()
        rows = [
            {"machine": mark.address, "vmid": mark.vmid, "commit": mark.commit or None, "written": mark.time or None}
            for mark in report.marks
        ]
        render.print_table(("machine", "vmid", "commit", "written"), rows)
    for node in report.unread:
        render.say(f"the node {node} is not online: what was done there is not known")
    for node in report.hidden:
        render.say(f"of the node {node} only this token's own tasks are shown: the others need Sys.Audit on it")

"""Report: what a drill has shown, as a table, as JSON, and as a row for a log of drills."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from homeprod import __version__
from homeprod.cli import render
from homeprod.cli.drill.logbook import PHASES, Logbook
from homeprod.cli.schema.drill import DrilledEntry, DrillReport, PhaseEntry
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.drivers.git import read_commit
from homeprod.drivers.wholefile import write_whole
from homeprod.plan.drill import DrillNote
from homeprod.site.site import Site

FAILED, UNPROVEN = 1, 3
COLUMNS = ("date", "where", "homeprod", "machines", *PHASES, "in all")
"""Of a log of drills, as docs/how-to/drill.md has one; times in seconds."""


def make_report(
    site: Site, options: argparse.Namespace, log: Logbook, note: DrillNote, *, is_resumed: bool
) -> DrillReport:
    seconds, phases = round(sum(log.seconds.values()), 1), log.describe_phases()
    verdict, code = (
        ("failed", FAILED) if log.problems else ("not proven", UNPROVEN) if log.unproven else ("proven", 0)
    )
    return DrillReport.model_validate(
        {
            "site": site.config.name,
            "place": options.lab or None,
            "commit": read_commit(site.root),
            "began": note.began,
            "is_resumed": is_resumed,
            "verdict": verdict,
            "seconds": seconds,
            "phases": phases,
            "machines": [_describe_machine(site, name, log) for name in note.machines],
            "disks": log.disks,
            "keys": log.keys,
            "expectations": log.asked,
            "problems": log.problems,
            "unproven": log.unproven,
            "row": make_row(options, len(note.machines), phases, seconds),
            "exit_code": code,
        }
    )


def make_row(options: argparse.Namespace, count: int, phases: list[PhaseEntry], seconds: float) -> str:
    """A line of Markdown."""
    where = f"lab {options.lab}" if options.lab else "the site's own cluster"
    times = [_tell_seconds(phase.seconds) for phase in phases]
    cells = [datetime.now(UTC).strftime("%Y-%m-%d"), where, __version__, str(count), *times, _tell_seconds(seconds)]
    return f"| {' | '.join(cells)} |"


def check_out(file: Path | None) -> None:
    """Before anything is destroyed for it. Raises UsageError."""
    if file is None:
        return
    above = next(folder for folder in file.absolute().parents if folder.exists())
    if file.is_dir() or not above.is_dir() or not os.access(above, os.W_OK):
        hint = "name a file in a folder that you may write to"
        raise UsageError("no report can be kept there", where=str(file), hint=hint)


def keep_report(report: DrillReport, file: Path) -> None:
    """Raises HomeprodError."""
    try:
        write_whole(file, report.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise HomeprodError(f"cannot write the report: {error.strerror}", where=str(file)) from error


def show_report(report: DrillReport, options: argparse.Namespace) -> None:
    if options.json:
        render.print_line(report.model_dump_json(indent=2))
        return
    render.print_line()
    rows = [
        {"phase": one.name, "": one.state, "seconds": one.seconds, "why": one.why or None} for one in report.phases
    ]
    render.print_table(("phase", "", "seconds", "why"), rows, is_cut=True)
    render.print_line()
    names = ("name", "destroyed", "created", "configured")
    render.print_table(names, [{name: getattr(one, name) for name in names} for one in report.machines])
    render.print_line()
    for disk in report.disks:
        sign = "fail" if disk.problem else "ok"
        render.print_finding(sign, f"{disk.owner} {disk.slot}: {disk.volume} {disk.problem or 'is the same'}", "")
    for node, is_same in report.keys.items():
        words = "has the keyring of before" if is_same else "has another keyring than before"
        render.print_finding("ok" if is_same else "fail", f"{node} {words}", "")
    for asked in report.expectations:
        sign = "fail" if asked.problem else "skip" if asked.verdict == "not asked" else "ok"
        words = asked.problem or asked.verdict
        render.print_finding(sign, f"{asked.url} from {asked.origin}: {words}", "")
    for words in report.unproven:
        render.print_finding("skip", words, "")
    count = len(report.machines)
    render.print_line(f"\n{count} machine{'s' * (count != 1)} in {report.seconds:.0f} s: {report.verdict}")
    render.print_line(
        f"a row for your own log of drills:\n\n| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n{report.row}"
    )


def _describe_machine(site: Site, name: str, log: Logbook) -> DrilledEntry:
    return DrilledEntry(
        name=name,
        vmid=site.vmid(site.machines[name].machine),
        before=log.before.get(name),
        after=log.after.get(name),
        destroyed=_round(log.destroyed.get(name)),
        created=_round(log.created.get(name)),
        configured=_round(log.configured.get(name)),
    )


def _round(seconds: float | None) -> float | None:
    return round(seconds, 1) if seconds is not None else None


def _tell_seconds(seconds: float | None) -> str:
    return f"{seconds:.0f}" if seconds is not None else "–"

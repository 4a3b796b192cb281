"""``homeprod apps lint``: find every mistake in an app repository, as it lies there."""

from __future__ import annotations

import argparse
from pathlib import Path

from homeprod.apps.host import HOSTS
from homeprod.apps.lint import lint
from homeprod.cli import render
from homeprod.cli.apps.look import find_machines, require_right
from homeprod.cli.schema.apps import LintReport
from homeprod.cli.schema.check import NoteEntry
from homeprod.drivers.apps.git import Git
from homeprod.drivers.apps.remote import read_known
from homeprod.drivers.apps.tree import find_repository, read_work_tree


def run(options: argparse.Namespace) -> int:
    folder = find_repository(Path(options.folder), HOSTS)
    machines = find_machines(options)
    with render.busy("looking at the files"):
        linted = lint(read_work_tree(folder, known_by=HOSTS), read_known(Git(folder), options.remote), machines)
    notes = linted.sheet.notes
    render.print_notes(notes)
    with render.busy("asking docker compose"):
        is_asked = require_right(linted)
    apps = sum(len(host.apps) for host in linted.hosts)
    if options.json:
        entries = [NoteEntry(file=n.file, line=n.line, message=n.message, hint=n.hint) for n in notes]
        report = LintReport(
            hosts=len(linted.hosts), apps=apps, notes=entries, asked_compose=is_asked, asked_site=machines is not None
        )
        render.print_line(report.model_dump_json(indent=2))
        return 0
    _tell_left_out(is_compose=is_asked, is_site=machines is not None)
    render.print_line(f"{_count(len(linted.hosts), 'host')}, {_count(apps, 'app')}, no mistake found")
    return 0


def _tell_left_out(*, is_compose: bool, is_site: bool) -> None:
    if not is_compose:
        render.say("not asked: docker compose, which is not on this machine")
    if not is_site:
        render.say("not held against a site: none is around here, and --site names none")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"

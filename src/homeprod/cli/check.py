"""``homeprod check``: find every mistake in the site, touching nothing."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.schema.check import CheckReport, NoteEntry
from homeprod.site.example import find_examples
from homeprod.site.loader import find_root, load_site
from homeprod.site.notes import find_notes


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    examples = find_examples(site)
    notes = sorted({*examples, *find_notes(site)})
    render.print_notes(notes)
    if options.json:
        entries = [NoteEntry(file=n.file, line=n.line, message=n.message, hint=n.hint) for n in notes]
        render.print_line(CheckReport(machines=len(site.machines), notes=entries).model_dump_json(indent=2))
    else:
        left = f"; still the example's: {len(examples)}" if examples else ""
        render.print_line(f"{site.config.name}: {len(site.machines)} machines, no mistake found{left}")
    return 0

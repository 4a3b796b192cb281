"""What a publication moves, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence

from homeprod.apps.publication import Fate, Publication, Step
from homeprod.cli import render
from homeprod.cli.schema.apps import FileEntry, MoveEntry, PublicationReport
from homeprod.drivers.apps.publication import Made

_SHOWN = 5
"""Files of a branch that are listed for a person."""
_COLOURS = {"+": "green", "~": "yellow"}
_FATES: dict[Fate, str] = {Fate.NEW: "new", Fate.CHANGED: "changed", Fate.GONE: "gone"}


def show(publication: Publication, source: str, subject: str) -> None:
    render.print_line(f"from {source[:12]}: {subject}")
    for step in publication.steps:
        sign = "~" if step.head is not None else "+"
        render.print_line(f"  {render.paint(sign, _COLOURS[sign])} {step.branch}: {_word(step)}")
    same = publication.unchanged
    stay = f"{same} branch{'es' * (same != 1)} stay{'s' * (same == 1)} as {'it is' if same == 1 else 'they are'}"
    if same or not publication.steps:
        render.print_line(stay if same else "there is nothing to publish")


def _word(step: Step) -> str:
    if step.head is None:
        return f"new, {len(step.files)} file{'s' * (len(step.files) != 1)}"
    listed = [f"{fate.value} {path}" for fate, path in step.changes[:_SHOWN]]
    more = len(step.changes) - len(listed)
    words = ", ".join([*listed, *([f"and {more} more"] if more else [])])
    vanished = "" if step.head.is_there else "vanished from the git host, and is put back"
    return "; ".join(filter(None, (vanished, words)))


def describe(publication: Publication, source: str, subject: str, made: Sequence[Made]) -> PublicationReport:
    commits = {one.step.branch: one.commit for one in made}
    moves = [
        MoveEntry(
            branch=step.branch,
            host=step.host,
            app=step.app,
            was=step.parent or None,
            commit=commits.get(step.branch),
            files=[FileEntry(path=path, fate=_FATES[fate]) for fate, path in step.changes],
        )
        for step in publication.steps
    ]
    return PublicationReport(source=source, subject=subject, moves=moves, unchanged=publication.unchanged)

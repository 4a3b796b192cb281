"""``homeprod rehearse``: try a revision on stand-ins, built in a lab of their own and taken away after it."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.extra import require_extra
from homeprod.cli.interruption import end_as_interrupted
from homeprod.cli.progress import Progress
from homeprod.cli.promotion.place import load_named_site
from homeprod.cli.question import ask
from homeprod.cli.schema.rehearse import RehearsalReport, RehearsedEntry, SkippedEntry
from homeprod.core.errors import UsageError
from homeprod.core.sizes import MiB
from homeprod.drivers.doorwords import tell
from homeprod.drivers.playbooks import find_vault
from homeprod.drivers.records import RecordSigner
from homeprod.engine.event import Listener
from homeprod.lab.host import read_host
from homeprod.rehearsal.choice import UnaffectedError
from homeprod.rehearsal.judgement import Verdict, judge
from homeprod.rehearsal.lab import StandInLab, check_machine, hold_lab
from homeprod.rehearsal.need import check_room
from homeprod.rehearsal.origin import open_origin
from homeprod.rehearsal.prospect import Prospect, prepare
from homeprod.rehearsal.rehearsal import Rehearsal
from homeprod.rehearsal.trials import write_trials
from homeprod.site.site import Site
from homeprod.wiring.records import find_record_signer, open_records

RED = 2


def run(options: argparse.Namespace) -> int:
    """Exits 2 where the revision is not good for some machine."""
    require_extra()
    if not options.revision:
        raise UsageError("say which revision is to be tried", hint="as in\n\n  homeprod rehearse HEAD")
    if options.lab:
        hint = "leave --lab out: the rehearsal has a lab of its own, and takes it away again"
        raise UsageError("stand-ins are built in no lab that is there already", hint=hint)
    site = load_named_site(options)
    try:
        return _rehearse_in(site, options)
    except UnaffectedError as error:
        _report_nothing(error, options)
        return 0


def _rehearse_in(site: Site, options: argparse.Namespace) -> int:
    with render.busy("reading both revisions"):
        vault = find_vault(Path(options.repository), options.vault)
        prospect = prepare(site, Path(options.repository), options.revision, vault, options.to, options.names)
    signer = _open_signer(site, prospect.node)
    check_machine(prospect.spec, options.revision)
    began = time.time()
    with end_as_interrupted(), hold_lab(site, _say) as (folder, scratch):
        room = read_host(folder.path).memory
        check_room(prospect.need, room, options.revision)
        _tell_prospect(prospect, room)
        if not options.yes:
            ask("build them, and try it?", "yes")
        verdicts = _rehearse(prospect, StandInLab(folder, prospect.spec, scratch))
        records = open_records(site, prospect.node, prospect.repository)
        records.append(list(write_trials(prospect, verdicts, time.time())), signer)
    _report(prospect, verdicts, signer, time.time() - began, options)
    records.push()
    return 0 if all(one.is_green for one in verdicts.values()) else RED


def _open_signer(site: Site, node: str) -> RecordSigner:
    """Before anything is built that could not be told of. Raises UsageError."""
    try:
        return find_record_signer(site, node)
    except UsageError as error:
        if os.environ.get("SUDO_USER"):
            error.hint += (
                "\n\nsudo hides your ssh-agent, unless it is told not to\n\n  sudo --preserve-env=SSH_AUTH_SOCK …"
            )
        raise


def _rehearse(prospect: Prospect, lab: StandInLab) -> Mapping[str, Verdict]:
    began = time.monotonic()

    def say(text: str) -> None:
        passed = int(time.monotonic() - began)
        _say(f"{passed // 60:02}:{passed % 60:02} {text}")

    origin = open_origin(prospect, lab, say)
    seen = Rehearsal(origin, partial(_watch, began), say).perform()
    return {name: judge(one) for name, one in seen.items()}


@contextmanager
def _watch(began: float, count: int) -> Iterator[Listener]:
    with Progress(count, threading.Event(), began) as progress:
        yield progress.show


def _say(text: str) -> None:
    """Words that may come from a machine, each line as it is."""
    render.say("\n".join(tell(line) for line in text.splitlines()))


def _tell_prospect(prospect: Prospect, room: int) -> None:
    step = prospect.step
    for one in prospect.choice.skipped:
        render.say(f"left out: {one.name}: {one.why}")
    before = f"{step.before[:12]}, which is there now," if step.before else "nothing, for no branch is there yet,"
    render.say(
        f"stand-ins for {', '.join(prospect.names)} of {prospect.environment.name}, and for {prospect.node}, which"
        f" configures them\n"
        f"  from {before} to {step.after[:12]}\n"
        f"  {prospect.need.describe()}, of {room // MiB} MiB that are available"
    )


def _report(
    prospect: Prospect,
    verdicts: Mapping[str, Verdict],
    signer: RecordSigner,
    seconds: float,
    options: argparse.Namespace,
) -> None:
    report = RehearsalReport(
        environment=prospect.environment.name,
        present=prospect.step.before,
        revision=prospect.step.after,
        hosts=[_describe(one.name, one.digest, verdicts[one.name]) for one in prospect.choice.subjects],
        skipped=[SkippedEntry(host=one.name, why=one.why) for one in prospect.choice.skipped],
        unasked=prospect.expectations.unasked,
        seconds=round(seconds),
        person=signer.person,
    )
    if options.json:
        render.print_json(report.model_dump(mode="json"))
        return
    for line in _list_lines(report):
        render.print_line(line)


def _report_nothing(error: UnaffectedError, options: argparse.Namespace) -> None:
    if options.json:
        report = RehearsalReport(
            environment=error.environment.name,
            present=error.step.before,
            revision=error.step.after,
            hosts=[],
            skipped=[],
            unasked=0,
            seconds=0,
            person="",
        )
        render.print_json(report.model_dump(mode="json"))
    else:
        render.print_line(str(error))
        if error.hint:
            render.print_line(render.advise(error.hint))


def _describe(host: str, digest: str, verdict: Verdict) -> RehearsedEntry:
    return RehearsedEntry(
        host=host,
        digest=digest,
        result="green" if verdict.is_green else "red",
        why=[tell(one) for one in verdict.why],
        notes=[tell(one) for one in verdict.notes],
    )


def _list_lines(report: RehearsalReport) -> Iterator[str]:
    for one in report.hosts:
        yield f"{render.paint(one.result, one.result)}  {one.host}"
        yield from (f"  {words}" for words in one.why)
        yield from (f"  note: {words}" for words in one.notes)
    if report.unasked:
        count = f"{report.unasked} {'expectation' if report.unasked == 1 else 'expectations'}"
        yield f"{count} of the way in were not asked: other machines lie on the way"
    red = sum(one.result == "red" for one in report.hosts)
    words = f"{red or 'none'} of {len(report.hosts)} red" if red else "all green"
    minutes = max(round(report.seconds / 60), 1)
    yield f"\n{report.revision[:12]} for {report.environment}: {words}, signed by {report.person}; {minutes} min"

"""``homeprod trials``: whom a revision would affect in an environment, and what each has, or lacks, to go there."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.promotion.applied import ask_applied
from homeprod.cli.promotion.gates import name_gated
from homeprod.cli.promotion.ground import Ground, open_ground
from homeprod.cli.promotion.place import load_named_site
from homeprod.cli.promotion.standing import Standing, describe, explain, list_standings
from homeprod.cli.promotion.step import explain_descent
from homeprod.cli.schema.promotion import MarkEntry, TrialsReport
from homeprod.core.errors import PromotionError, UsageError
from homeprod.core.overview.age import tell_age
from homeprod.drivers.apps.git import Git
from homeprod.drivers.commitsignature import require_signer, require_vault_signer
from homeprod.drivers.doorwords import tell
from homeprod.promotion.record import Clear, Emergency, Rollback, Signed
from homeprod.site.configured import list_environments, list_gated
from homeprod.site.site import Site
from homeprod.wiring.records import list_believed

LACKS = 2
"""Exit code where a host has no record that counts, or is held, or the branch would not go there at all."""


def run(options: argparse.Namespace) -> int:
    site = load_named_site(options)
    _check_environment(site, options)
    ground = open_ground(options, options.environment or name_gated(site), site)
    revision = _find_revision(ground, options.revision)
    people = list_believed(ground.site, ground.node)
    require_vault_signer(ground.secrets.git, ground.secrets.head, people)
    heard, now = ground.hear(), time.time()
    standings = list_standings(ground, revision, heard.believed, ask_applied(ground, options), now)
    refusal = explain_descent(ground, revision) or _explain_signature(ground, revision, people)
    marks = list_marks(heard.believed, ground.environment.name)
    if options.json:
        report = TrialsReport(
            environment=ground.environment.name,
            head=ground.head,
            revision=revision,
            hosts=[describe(one, now) for one in standings],
            marks=marks,
            problem=refusal.message if refusal is not None else "",
        )
        render.print_json(report.model_dump(mode="json"))
    else:
        _show(ground, revision, standings, marks, now)
    if refusal is not None:
        render.say_problem(str(refusal), refusal.hint)
    return 0 if refusal is None and all(one.is_good for one in standings) else LACKS


def _check_environment(site: Site, options: argparse.Namespace) -> None:
    """Raises UsageError where a revision stands in the place of an environment."""
    name, known = options.environment, [one.name for one in list_environments(site)]
    if name in known or not name or options.revision:
        return
    if Git(Path(options.repository)).ask(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    ):
        gated = [one.name for one in list_gated(site)] or known
        hint = "name the environment first:\n" + "".join(f"\n  homeprod trials {one} {name}" for one in gated)
        raise UsageError(f"{name!r} is a revision, and no environment", hint=hint)


def _find_revision(ground: Ground, named: str) -> str:
    """By default the head of the environment before. Raises PromotionError."""
    if named:
        return ground.branches.find_commit(named)
    before = ground.environment.after
    found = ground.heads[before.name] if before is not None else ground.head
    if not found:
        hint = f"name one:\n\n  homeprod trials {ground.environment.name} REV"
        raise PromotionError("no branch says which revision is meant", where=ground.environment.name, hint=hint)
    return found


def _explain_signature(ground: Ground, revision: str, people: Mapping[str, tuple[str, ...]]) -> PromotionError | None:
    """Why nobody would believe the revision; None where they would, or it is there."""
    if revision == ground.head:
        return None
    try:
        require_signer(ground.branches.git, revision, people)
    except PromotionError as error:
        return error
    return None


def list_marks(entries: Sequence[Signed], environment: str) -> list[MarkEntry]:
    """What is shown for ever after, the oldest first."""
    ours = sorted((one for one in entries if one.entry.environment == environment), key=lambda one: one.entry.at)
    return [mark for one in ours if (mark := _mark(one)) is not None]


def _mark(signed: Signed) -> MarkEntry | None:
    entry = signed.entry
    if isinstance(entry, Emergency):
        hosts = sorted(entry.digests)
    elif isinstance(entry, Rollback):
        hosts = sorted(entry.bad)
    elif isinstance(entry, Clear):
        hosts = [entry.host] if entry.host else []
    else:
        return None
    return MarkEntry(
        kind=entry.kind, revision=entry.revision, person=signed.person, at=entry.at, why=entry.why, hosts=hosts
    )


def _show(
    ground: Ground, revision: str, standings: Sequence[Standing], marks: Sequence[MarkEntry], now: float
) -> None:
    name = ground.environment.name
    span = f"{name}: {ground.head[:12] or 'nothing yet'} → {revision[:12]}"
    render.print_line(f"{span}  {tell(ground.branches.tell_subject(revision))}".rstrip())
    if not standings:
        render.print_line("no host's run can read what differs" if ground.head != revision else "it is there already")
    for line in list_lines(standings, now):
        render.print_line(line)
    for mark in marks:
        render.print_line(_tell_mark(mark, now))


def list_lines(standings: Sequence[Standing], now: float) -> Iterator[str]:
    """A line for each host, and what would get what is missing."""
    width = max((len(one.subject.host) for one in standings), default=0)
    for one in standings:
        sign = render.paint("ok  ", "green") if one.is_good else render.paint("–   ", "red")
        yield f"{sign}{one.subject.host:<{width}}  {one.subject.digest[:12]}  {tell(explain(one, now))}"
    commands = dict.fromkeys(command for one in standings for command in (one.command, one.trial_command) if command)
    if commands:
        yield render.advise("\n".join(["what would get what is missing:", "", *(f"  {one}" for one in commands)]))
    if any(one.bad is not None for one in standings):
        yield "what was rolled back needs no clearing once it is repaired: commit that, and try it"


def _tell_mark(mark: MarkEntry, now: float) -> str:
    words = {"emergency": "emergency, untried", "rollback": "rolled back", "clear": "cleared"}[mark.kind]
    hosts = f" ({', '.join(mark.hosts)})" if mark.hosts and mark.kind != "emergency" else ""
    why = f": {mark.why}" if mark.why else ""
    text = f"{mark.revision[:12]} {words}{hosts}, by {mark.person} {tell_age(now - mark.at)} ago{why}"
    return render.paint("!   ", "yellow") + tell(text)

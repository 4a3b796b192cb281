"""How hosts stand with a revision: which record each has, or what it lacks and how that is got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from homeprod.cli import render
from homeprod.cli.promotion.gates import find_fresh_days
from homeprod.cli.promotion.ground import Ground
from homeprod.cli.schema.promotion import StandingEntry
from homeprod.core.overview.age import tell_age
from homeprod.promotion.candidates import Subject, list_differing
from homeprod.promotion.record import Bad, Judgement, Signed, Trial, find_bad, judge
from homeprod.promotion.verdict import Entries, Evidence
from homeprod.site.configured import list_gated
from homeprod.site.counterpart import find_counterpart

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Standing:
    """``lack`` says why it may not go there; empty where it may. ``person`` held the trial that decided, which
    counts until ``expires``. ``command`` gets what is missing; empty where nothing is. ``trial_command`` gets the
    record that a host lacks that is held besides."""

    subject: Subject
    judgement: Judgement
    person: str
    expires: float
    lack: str
    bad: Bad | None
    command: str
    trial_command: str = ""

    @property
    def is_good(self) -> bool:
        return not self.lack


def list_standings(
    ground: Ground, revision: str, entries: Sequence[Signed], applied: Mapping[str, str] | None, now: float
) -> list[Standing]:
    """Of the hosts of the environment that would run something else at ``revision`` than they do, by name; where
    nobody says what they run, than at the head of the branch. And of those that would run what is held."""
    [after, before] = ground.find_closures(revision, ground.head)
    name = ground.environment.name
    if applied is None:
        hosts = list_differing(after, name, before)
    else:
        own = (host for host, closure in after.items() if closure.environment == name)
        hosts = [host for host in own if applied.get(host) != after[host].digest]
    affected = sorted({*hosts, *list_held(ground, revision, entries)})
    subjects = (Subject(host, name, after[host].digest) for host in affected)
    return list(judge_subjects(ground, revision, entries, subjects, now))


def list_held(ground: Ground, revision: str, entries: Sequence[Signed]) -> list[str]:
    """The hosts of the environment that would run there what was rolled back and is not cleared, by name."""
    [closures] = ground.find_closures(revision)
    held = find_bad(entries, ground.environment.name)
    return [bad.host for bad in held if bad.host in closures and closures[bad.host].digest == bad.digest]


def judge_subjects(
    ground: Ground, revision: str, entries: Sequence[Signed], subjects: Iterable[Subject], now: float
) -> Iterable[Standing]:
    evidence = make_evidence(ground, entries, now)
    people = {id(one.entry): one.person for one in entries}
    for subject in subjects:
        host, digest = subject.host, subject.digest
        judgement = judge(entries, host, digest, now, evidence.fresh_seconds)
        lack = evidence.find_lack(host, digest, revision, "")
        bad = next((one for one in evidence.bad if (one.host, one.digest) == (host, digest)), None)
        command = _advise(ground, revision, host, bad) if lack else ""
        trial = _advise(ground, revision, host, None) if bad is not None and not judgement.is_green else ""
        person, expires = people.get(id(judgement.trial), ""), _find_end(judgement.trial, evidence)
        yield Standing(subject, judgement, person, expires, lack, bad, command, trial)


def _find_end(trial: Trial | None, evidence: Evidence) -> float:
    return min(trial.expires, trial.at + evidence.fresh_seconds) if trial is not None else 0.0


def make_evidence(ground: Ground, entries: Sequence[Signed], now: float) -> Evidence:
    days = find_fresh_days(ground.site, ground.environment)
    return Evidence(ground.environment.name, Entries(entries), now, days * DAY)


def _advise(ground: Ground, revision: str, host: str, bad: Bad | None) -> str:
    short, environment = revision[:12], ground.environment
    if bad is not None:
        return f"homeprod rollback --env {environment.name} --clear {host}"
    if environment.promotion is None:
        return f"homeprod promote {short} --to {environment.name}"
    if environment.after is not None and _has_counterpart(ground, host):
        return f"homeprod promote {short} --to {environment.after.name}"
    to = f"--to {environment.name} " if len(list_gated(ground.site)) > 1 else ""
    return f"homeprod rehearse {to}{short} {host}"


def _has_counterpart(ground: Ground, host: str) -> bool:
    declared = ground.site.machines.get(host)
    return declared is not None and find_counterpart(ground.site, declared.machine) is not None


def explain(standing: Standing, now: float) -> str:
    """In a line: what it has, or what it lacks."""
    trial = standing.judgement.trial
    if standing.lack:
        return standing.lack
    if not standing.judgement.is_green or trial is None:
        return f"untried, and let through by an emergency or a roll-back ({standing.judgement.why})"
    where = f"on a stand-in of {trial.tried_on}" if trial.place == "stand-in" else f"on {trial.tried_on}"
    left = tell_age(standing.expires - now)
    return f"green {where}, by {standing.person} {tell_age(now - trial.at)} ago; good for {left} more"


def describe(standing: Standing, now: float) -> StandingEntry:
    trial = standing.judgement.trial
    return StandingEntry(
        host=standing.subject.host,
        environment=standing.subject.environment,
        digest=standing.subject.digest,
        is_good=standing.is_good,
        is_green=standing.judgement.is_green,
        is_held=standing.bad is not None,
        words=explain(standing, now),
        tried_on=trial.tried_on if trial is not None else None,
        place=trial.place if trial is not None else None,
        person=standing.person or None,
        at=trial.at if trial is not None else None,
        expires=standing.expires if trial is not None else None,
        command=render.advise_command(standing.command),
    )

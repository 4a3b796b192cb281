"""Looks at stand-ins: what of systemd has failed there, and which of the site's expectations do not hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from homeprod.core.errors import HomeprodError
from homeprod.engine.walk import Asker, walk_all
from homeprod.network.expectations import Trial, try_expectations
from homeprod.network.walk.trial import find_live_problem
from homeprod.network.way import Way
from homeprod.rehearsal.judgement import Look
from homeprod.site.site import Site

UNITS = "systemctl list-units --state=failed,auto-restart --plain --no-legend --no-pager"
"""One that is started again and again has failed too, whatever it is called at this moment."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """``asked`` can be held against the stand-ins; ``unasked`` counts those whose way leads by other machines."""

    asked: tuple[Trial, ...]
    unasked: int


def choose_expectations(site: Site, stand_ins: Collection[str]) -> Expectations:
    """Those of the site whose whole way, to the service's own machine, is made of stand-ins."""
    trials = tuple(try_expectations(site, site.entry)) if site.entry is not None else ()
    asked = tuple(one for one in trials if not one.problem and _list_machines(one.way) <= {*stand_ins})
    return Expectations(tuple(one for one in asked if _list_machines(one.way)), len(trials) - len(asked))


def _list_machines(way: Way) -> set[str]:
    names = {hop.name for hop in way.hops if hop.kind in ("passthrough", "proxy")}
    service = way.answer.service if way.answer.end == "service" else None
    return names | {str(one.host) for one in (service.upstreams if service is not None else ())}


def name_trial(trial: Trial) -> str:
    return f"{trial.way.target} from {trial.way.from_}"


def walk_expectations(site: Site, trials: Collection[Trial], asker: Asker) -> dict[str, str]:
    """What is otherwise, by the expectation's words. Takes seconds where somebody is silent."""
    if site.entry is None or not trials:
        return {}
    walks = walk_all(site, site.entry, [one.way for one in trials], asker, datetime.now(UTC))
    problems = (
        (name_trial(trial), find_live_problem(trial.expectation, one))
        for trial, one in zip(trials, walks, strict=True)
    )
    return {name: problem for name, problem in problems if problem}


def share_routes(trials: Collection[Trial], problems: Mapping[str, str], machine: str) -> dict[str, str]:
    """Of what is otherwise, that on whose way the machine lies."""
    return {
        name_trial(trial): problems[name_trial(trial)]
        for trial in trials
        if name_trial(trial) in problems and machine in _list_machines(trial.way)
    }


def look_at(machine: str, run_in: Callable[[str, str], str], routes: dict[str, str]) -> Look:
    """``run_in`` gives what a command in that machine prints, and raises HomeprodError."""
    try:
        units = frozenset(_read_units(run_in(machine, UNITS)))
    except HomeprodError as error:
        return Look(frozenset(), routes, error.message)
    return Look(units, routes)


def _read_units(text: str) -> Iterator[str]:
    """Source: systemctl(1), list-units: the unit's name is the first word of its line."""
    for line in text.splitlines():
        words = line.replace("●", " ").split()
        if words:
            yield words[0]
